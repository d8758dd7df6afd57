import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

export type OperationOutcome = 'success' | 'failure' | 'refused';

/** One row of the operation log: what somebody changed, or tried to. Rows are only ever added (and pruned from the front). */
@Entity('operation_log')
@Index('ix_operation_log_at_seq', ['at', 'seq', 'action', 'outcome'])
@Index('ix_operation_log_action_seq', ['action', 'seq'])
@Index('ix_operation_log_target_seq', ['targetId', 'seq'])
export class Operation {
  /** Order of the chain: each row's number is one more than the one before. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'pk_operation_log', transformer: safeInteger })
  seq: number;

  @Index('ux_operation_log_id', { unique: true })
  @Column({ type: 'varchar', length: 36 })
  id: string;

  /** Epoch milliseconds. */
  @Column({ type: 'bigint', transformer: safeInteger })
  at: number;

  @Column({ name: 'actor_type', type: 'varchar', length: 16 })
  actorType: string;

  @Column({ name: 'actor_id', type: 'varchar', length: 36, nullable: true })
  actorId: string | null;

  @Column({ name: 'actor_name', type: 'varchar', length: 200 })
  actorName: string;

  @Column({ type: 'varchar', length: 64 })
  action: string;

  @Column({ name: 'target_type', type: 'varchar', length: 32, nullable: true })
  targetType: string | null;

  @Column({ name: 'target_id', type: 'varchar', length: 64, nullable: true })
  targetId: string | null;

  @Column({ name: 'target_name', type: 'varchar', length: 200, nullable: true })
  targetName: string | null;

  @Column({ type: 'varchar', length: 16 })
  outcome: OperationOutcome;

  /** HTTP status of the answer. */
  @Column({ type: 'integer', nullable: true })
  status: number | null;

  @Column({ type: 'varchar', length: 64, nullable: true })
  ip: string | null;

  @Column({ name: 'request_id', type: 'varchar', length: 128, nullable: true })
  requestId: string | null;

  /** JSON: what changed (before and after of non-secret fields), or why it failed. */
  @Column({ type: 'text', nullable: true })
  changes: string | null;

  @Column({ name: 'prev_hash', type: 'varchar', length: 64 })
  prevHash: string;

  @Column({ type: 'varchar', length: 64 })
  hash: string;
}
