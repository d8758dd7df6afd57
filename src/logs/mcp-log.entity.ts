import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** One MCP message that passed between MCPS.ONE and a managed server. */
@Entity('mcp_log')
@Index('ix_mcp_log_at', ['at'])
@Index('ix_mcp_log_tool_seq', ['toolId', 'seq'])
@Index('ix_mcp_log_session_seq', ['sessionId', 'seq'])
export class McpLogRow {
  /** Given by the writer in commit order. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'pk_mcp_log', transformer: safeInteger })
  seq: number;

  /** UUIDv7 of the moment the message passed. */
  @Index('ux_mcp_log_id', { unique: true })
  @Column({ type: 'varchar', length: 36 })
  id: string;

  /** Epoch milliseconds. */
  @Column({ type: 'bigint', transformer: safeInteger })
  at: number;

  @Column({ name: 'tool_id', type: 'varchar', length: 36 })
  toolId: string;

  @Column({ name: 'tool_name', type: 'varchar', length: 63 })
  toolName: string;

  @Column({ name: 'session_id', type: 'varchar', length: 64, nullable: true })
  sessionId: string | null;

  @Column({ type: 'varchar', length: 200, nullable: true })
  client: string | null;

  @Column({ type: 'varchar', length: 16 })
  direction: string;

  @Column({ type: 'varchar', length: 16 })
  kind: string;

  @Column({ type: 'varchar', length: 128, nullable: true })
  method: string | null;

  @Column({ type: 'text', nullable: true })
  target: string | null;

  /** JSON: the id as it stood on the wire, a number or a string. */
  @Column({ name: 'rpc_id', type: 'varchar', length: 128, nullable: true })
  rpcId: string | null;

  @Column({ type: 'varchar', length: 16, nullable: true })
  outcome: string | null;

  @Column({ name: 'duration_ms', type: 'double precision', nullable: true })
  durationMs: number | null;

  @Column({ name: 'size_bytes', type: 'bigint', transformer: safeInteger })
  sizeBytes: number;

  @Column({ type: 'boolean' })
  truncated: boolean;

  /** The message as JSON text; `{head, tail}` where it was truncated; null where payloads are not recorded. */
  @Column({ type: 'text', nullable: true })
  payload: string | null;
}
