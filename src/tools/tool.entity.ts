import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';
import type { DesiredState, RestartPolicy, Sharing, ToolTransport } from './tool-definition.types';

/** A managed MCP server as it is wished: its definition and whether it is to run. What is, lives in the supervisor. */
@Entity('tools')
export class Tool {
  @PrimaryColumn({ type: 'varchar', length: 36, primaryKeyConstraintName: 'pk_tools' })
  id: string;

  @Index('ux_tools_name', { unique: true })
  @Column({ type: 'varchar', length: 63 })
  name: string;

  @Column({ type: 'text' })
  description: string;

  @Column({ type: 'simple-json' })
  tags: string[];

  @Column({ type: 'varchar', length: 20 })
  transport: ToolTransport;

  @Column({ type: 'text', nullable: true })
  command: string | null;

  @Column({ type: 'simple-json' })
  args: string[];

  @Column({ type: 'text', nullable: true })
  cwd: string | null;

  /** Variable name -> sealed value. */
  @Column({ type: 'simple-json' })
  env: Record<string, string>;

  @Column({ type: 'text', nullable: true })
  url: string | null;

  /** Header name -> sealed value. */
  @Column({ type: 'simple-json' })
  headers: Record<string, string>;

  @Column({ type: 'boolean' })
  enabled: boolean;

  @Column({ name: 'auto_start', type: 'boolean' })
  autoStart: boolean;

  @Column({ name: 'restart_policy', type: 'varchar', length: 16 })
  restartPolicy: RestartPolicy;

  /** Null: as the setting `mcp.maxRetries` says. */
  @Column({ name: 'max_retries', type: 'integer', nullable: true })
  maxRetries: number | null;

  /** Null: as the setting `mcp.timeoutSeconds` says. */
  @Column({ name: 'timeout_ms', type: 'integer', nullable: true })
  timeoutMs: number | null;

  @Column({ name: 'start_timeout_ms', type: 'integer', nullable: true })
  startTimeoutMs: number | null;

  @Column({ name: 'record_payloads', type: 'boolean' })
  recordPayloads: boolean;

  @Column({ type: 'varchar', length: 16 })
  sharing: Sharing;

  @Column({ name: 'memory_limit_bytes', type: 'bigint', nullable: true, transformer: safeInteger })
  memoryLimitBytes: number | null;

  @Column({ type: 'varchar', length: 16 })
  desired: DesiredState;

  /** Counts the changes of the definition; the ETag. */
  @Column({ type: 'integer' })
  version: number;

  /** Epoch milliseconds. */
  @Column({ name: 'created_at', type: 'bigint', transformer: safeInteger })
  createdAt: number;

  @Column({ name: 'updated_at', type: 'bigint', transformer: safeInteger })
  updatedAt: number;
}
