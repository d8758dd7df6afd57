import { EntitySchema } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** One line of the system's own log. */
export interface SystemLogRow {
  /** Given by the writer in commit order. */
  seq: number;
  id: string;
  /** Epoch milliseconds. */
  at: number;
  /** 0 debug, 1 info, 2 warn, 3 error, 4 fatal: "this one and worse" is a comparison. */
  severity: number;
  context: string | null;
  message: string;
  requestId: string | null;
  /** JSON object. */
  data: string | null;
}

/** The table in either database; `seq` is SQLite's own row number there. */
export const systemLogEntity = (database: 'sqlite' | 'postgres') =>
  new EntitySchema<SystemLogRow>({
    name: 'SystemLogRow',
    tableName: 'system_log',
    columns: {
      seq: {
        type: database === 'sqlite' ? 'integer' : 'bigint',
        primary: true,
        primaryKeyConstraintName: 'pk_system_log',
        transformer: safeInteger,
      },
      id: { type: 'varchar', length: 36 },
      at: { type: 'bigint', transformer: safeInteger },
      severity: { type: 'integer' },
      context: { type: 'varchar', length: 100, nullable: true },
      message: { type: 'text' },
      requestId: { name: 'request_id', type: 'varchar', length: 128, nullable: true },
      data: { type: 'text', nullable: true },
    },
    indices: [
      { name: 'ux_system_log_id', columns: ['id'], unique: true },
      { name: 'ix_system_log_at_seq', columns: ['at', 'seq'] },
      { name: 'ix_system_log_severity_seq', columns: ['severity', 'seq'] },
      { name: 'ix_system_log_context_seq', columns: ['context', 'seq'] },
    ],
  });
