import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';
import type { Role } from './roles';

/** A human who may log in. */
@Entity('users')
export class User {
  @PrimaryColumn({ type: 'varchar', length: 36, primaryKeyConstraintName: 'pk_users' })
  id: string;

  @Index('ux_users_username', { unique: true })
  @Column({ type: 'varchar', length: 64 })
  username: string;

  /** argon2id in PHC string format. */
  @Column({ name: 'password_hash', type: 'varchar', length: 255 })
  passwordHash: string;

  @Column({ type: 'varchar', length: 16 })
  role: Role;

  @Column({ type: 'boolean' })
  disabled: boolean;

  /** Until it is changed, nothing else is allowed. */
  @Column({ name: 'must_change_password', type: 'boolean' })
  mustChangePassword: boolean;

  @Column({ type: 'integer' })
  version: number;

  /** Epoch milliseconds. */
  @Column({ name: 'created_at', type: 'bigint', transformer: safeInteger })
  createdAt: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: safeInteger })
  updatedAt: number;
}
