import { Column, Entity, PrimaryColumn } from 'typeorm';
import { safeInteger } from './column-transformers';

/**
 * Every SECRET_KEY that this database has belonged to, none of them in clear. The newest one is the one that it belongs to.
 * Each signs the rows of the operation log from `firstOperation` up to where the next one begins.
 */
@Entity('secret_keys')
export class SecretKeyRecord {
  /** 1 for the first key, and so on. */
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'pk_secret_keys' })
  number: number;

  @Column({ name: 'key_id', type: 'varchar', length: 16 })
  keyId: string;

  /** Tells whether a key is this one (`SecretKeys.checkValue`). */
  @Column({ name: 'check_value', type: 'varchar', length: 64 })
  checkValue: string;

  @Column({ name: 'first_operation', type: 'bigint', transformer: safeInteger })
  firstOperation: number;

  /** Of a former key: what its rows of the operation log are checked by, sealed with the newest key; null if it was lost. */
  @Column({ name: 'chain_key', type: 'text', nullable: true })
  chainKey: string | null;

  /** Epoch milliseconds. */
  @Column({ name: 'created_at', type: 'bigint', transformer: safeInteger })
  createdAt: number;
}
