import { EntitySchema } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** One MCP message that passed between MCPS.ONE and a managed server. */
export interface McpLogRow {
  /** Given by the writer in commit order. */
  seq: number;
  /** UUIDv7 of the moment the message passed. */
  id: string;
  /** Epoch milliseconds. */
  at: number;
  toolId: string;
  toolName: string;
  sessionId: string | null;
  client: string | null;
  direction: string;
  kind: string;
  method: string | null;
  target: string | null;
  /** JSON: the id as it stood on the wire, a number or a string. */
  rpcId: string | null;
  outcome: string | null;
  durationMs: number | null;
  sizeBytes: number;
  /** Not the whole message is in `payload`; null there: it was left out because the spool was full. */
  truncated: boolean;
  /** The message as JSON text; `{head, tail}` where it was truncated; null where payloads are not recorded. */
  payload: string | null;
}

/** The table on PostgreSQL; SQLite has the same rows in chunks (`message-chunk.entity.ts`). */
export const mcpLogEntity = () =>
  new EntitySchema<McpLogRow>({
    name: 'McpLogRow',
    tableName: 'mcp_log',
    columns: {
      seq: {
        type: 'bigint',
        primary: true,
        primaryKeyConstraintName: 'pk_mcp_log',
        transformer: safeInteger,
      },
      id: { type: 'varchar', length: 36 },
      at: { type: 'bigint', transformer: safeInteger },
      toolId: { name: 'tool_id', type: 'varchar', length: 36 },
      toolName: { name: 'tool_name', type: 'varchar', length: 63 },
      sessionId: { name: 'session_id', type: 'varchar', length: 64, nullable: true },
      client: { type: 'varchar', length: 200, nullable: true },
      direction: { type: 'varchar', length: 16 },
      kind: { type: 'varchar', length: 16 },
      method: { type: 'varchar', length: 128, nullable: true },
      target: { type: 'text', nullable: true },
      rpcId: { name: 'rpc_id', type: 'varchar', length: 128, nullable: true },
      outcome: { type: 'varchar', length: 16, nullable: true },
      durationMs: { name: 'duration_ms', type: 'double precision', nullable: true },
      sizeBytes: { name: 'size_bytes', type: 'bigint', transformer: safeInteger },
      truncated: { type: 'boolean' },
      payload: { type: 'text', nullable: true },
    },
    indices: [
      { name: 'ux_mcp_log_id', columns: ['id'], unique: true },
      { name: 'ix_mcp_log_at_seq', columns: ['at', 'seq'] },
      { name: 'ix_mcp_log_tool_seq', columns: ['toolId', 'seq'] },
      { name: 'ix_mcp_log_session_seq', columns: ['sessionId', 'seq'], where: '"session_id" IS NOT NULL' },
      { name: 'ix_mcp_log_target_seq', columns: ['target', 'seq'], where: '"target" IS NOT NULL' },
      // Most messages are calls, most are requests and responses, most are answered within 10 ms: those need no entry.
      { name: 'ix_mcp_log_method_seq', columns: ['method', 'seq'], where: `"method" <> 'tools/call'` },
      {
        name: 'ix_mcp_log_kind_seq',
        columns: ['kind', 'seq'],
        where: `"kind" = 'error' OR "kind" = 'notification'`,
      },
      { name: 'ix_mcp_log_duration_seq', columns: ['durationMs', 'seq'], where: '"duration_ms" >= 10' },
    ],
  });

/** Under which names tools were recorded. */
export const mcpLogNameEntity = () =>
  new EntitySchema<{ toolName: string; toolId: string }>({
    name: 'McpLogName',
    tableName: 'mcp_log_name',
    columns: {
      toolName: {
        name: 'tool_name',
        type: 'varchar',
        length: 63,
        primary: true,
        primaryKeyConstraintName: 'pk_mcp_log_name',
      },
      toolId: {
        name: 'tool_id',
        type: 'varchar',
        length: 36,
        primary: true,
        primaryKeyConstraintName: 'pk_mcp_log_name',
      },
    },
  });

/** For each log (by its table): how far the clock ever went back between two rows, in milliseconds. */
export const logClockEntity = () =>
  new EntitySchema<{ log: string; backMs: number }>({
    name: 'LogClock',
    tableName: 'log_clock',
    columns: {
      log: { type: 'varchar', length: 16, primary: true, primaryKeyConstraintName: 'pk_log_clock' },
      backMs: { name: 'back_ms', type: 'bigint', transformer: safeInteger },
    },
  });
