import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';
import type { Role } from './roles';

/** A credential of a machine. */
@Entity('api_keys')
export class ApiKey {
  @PrimaryColumn({ type: 'varchar', length: 36, primaryKeyConstraintName: 'pk_api_keys' })
  id: string;

  @Column({ type: 'varchar', length: 100 })
  name: string;

  /** The first characters of the key, by which people tell keys apart. */
  @Column({ type: 'varchar', length: 16 })
  prefix: string;

  /** SHA-256 of the key, in hex: of 256 random bits nothing slower is needed. */
  @Index('ux_api_keys_hash', { unique: true })
  @Column({ type: 'varchar', length: 64 })
  hash: string;

  @Column({ type: 'varchar', length: 16 })
  role: Role;

  /** The tools it sees and calls; null: all of them. Ids are never given again, so those of deleted tools do no harm. */
  @Column({ name: 'tool_ids', type: 'simple-json', nullable: true })
  toolIds: string[] | null;

  /** Epoch milliseconds. */
  @Column({ name: 'created_at', type: 'bigint', transformer: safeInteger })
  createdAt: number;

  @Column({ name: 'expires_at', type: 'bigint', nullable: true, transformer: safeInteger })
  expiresAt: number | null;

  /** Up to a minute late: see `ApiKeyUsage`. */
  @Column({ name: 'last_used_at', type: 'bigint', nullable: true, transformer: safeInteger })
  lastUsedAt: number | null;
}
