import { EntitySchema } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** How many entries a log got in one step of time; for messages also how many of them tell of a failure. */
export interface LogRollupRow {
  log: string;
  /** `severity` of the system log's lines; empty for messages. */
  part: string;
  /** Length of the step in seconds, and its beginning in epoch milliseconds. */
  step: number;
  at: number;
  entries: number;
  errors: number;
}

/** How the requests of one method and target ended in one step of time, and how long they took. */
export interface McpRollupRow {
  step: number;
  at: number;
  /** Hash of tool, method and target: a primary key of bounded length. */
  key: string;
  toolId: string;
  toolName: string;
  method: string | null;
  target: string | null;
  ok: number;
  toolError: number;
  rpcError: number;
  timeout: number;
  cancelled: number;
  transportError: number;
  notifications: number;
  /** A `LatencySketch`, encoded. */
  durations: string;
}

export const logRollupEntity = () =>
  new EntitySchema<LogRollupRow>({
    name: 'LogRollup',
    tableName: 'log_rollup',
    columns: {
      log: { type: 'varchar', length: 16, primary: true, primaryKeyConstraintName: 'pk_log_rollup' },
      step: { type: 'integer', primary: true, primaryKeyConstraintName: 'pk_log_rollup' },
      at: { type: 'bigint', primary: true, primaryKeyConstraintName: 'pk_log_rollup', transformer: safeInteger },
      part: { type: 'varchar', length: 16, primary: true, primaryKeyConstraintName: 'pk_log_rollup' },
      entries: { type: 'bigint', transformer: safeInteger },
      errors: { type: 'bigint', transformer: safeInteger },
    },
  });

export const mcpRollupEntity = () =>
  new EntitySchema<McpRollupRow>({
    name: 'McpRollup',
    tableName: 'mcp_rollup',
    columns: {
      step: { type: 'integer', primary: true, primaryKeyConstraintName: 'pk_mcp_rollup' },
      at: { type: 'bigint', primary: true, primaryKeyConstraintName: 'pk_mcp_rollup', transformer: safeInteger },
      key: { type: 'varchar', length: 22, primary: true, primaryKeyConstraintName: 'pk_mcp_rollup' },
      toolId: { name: 'tool_id', type: 'varchar', length: 36 },
      toolName: { name: 'tool_name', type: 'varchar', length: 63 },
      method: { type: 'varchar', length: 128, nullable: true },
      target: { type: 'text', nullable: true },
      ok: { type: 'bigint', transformer: safeInteger },
      toolError: { name: 'tool_error', type: 'bigint', transformer: safeInteger },
      rpcError: { name: 'rpc_error', type: 'bigint', transformer: safeInteger },
      timeout: { type: 'bigint', transformer: safeInteger },
      cancelled: { type: 'bigint', transformer: safeInteger },
      transportError: { name: 'transport_error', type: 'bigint', transformer: safeInteger },
      notifications: { type: 'bigint', transformer: safeInteger },
      durations: { type: 'text' },
    },
  });

/** For each log: the number of the last row that is in the roll-ups; what comes after it is counted from the rows. */
export const logRollupMarkEntity = () =>
  new EntitySchema<{ log: string; seq: number }>({
    name: 'LogRollupMark',
    tableName: 'log_rollup_mark',
    columns: {
      log: { type: 'varchar', length: 16, primary: true, primaryKeyConstraintName: 'pk_log_rollup_mark' },
      seq: { type: 'bigint', transformer: safeInteger },
    },
  });
