import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** One line of the system's own log. */
@Entity('system_log')
@Index('ix_system_log_at', ['at'])
@Index('ix_system_log_severity_seq', ['severity', 'seq'])
export class SystemLogRow {
  /** Given by the writer in commit order. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'pk_system_log', transformer: safeInteger })
  seq: number;

  @Index('ux_system_log_id', { unique: true })
  @Column({ type: 'varchar', length: 36 })
  id: string;

  /** Epoch milliseconds. */
  @Column({ type: 'bigint', transformer: safeInteger })
  at: number;

  /** 0 debug, 1 info, 2 warn, 3 error, 4 fatal: "this one and worse" is a comparison. */
  @Column({ type: 'integer' })
  severity: number;

  @Column({ type: 'varchar', length: 100, nullable: true })
  context: string | null;

  @Column({ type: 'text' })
  message: string;

  @Column({ name: 'request_id', type: 'varchar', length: 128, nullable: true })
  requestId: string | null;

  /** JSON object. */
  @Column({ type: 'text', nullable: true })
  data: string | null;
}
