import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Max, Min } from 'class-validator';
import { QueryTime, TIME_MESSAGE } from '../common/query-time.decorator';

export class LogStatsQuery {
  /** Not before this time; an hour before `to` unless said otherwise */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  from?: number;

  /** Before this time; now unless said otherwise */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  to?: number;

  /** Length of a bucket; chosen to fit where it is not said, and rounded up to minutes, hours or days for long ranges */
  @ApiPropertyOptional({ type: 'integer', minimum: 1 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(31_536_000)
  bucketSeconds?: number;
}

export class SystemStatsView {
  total: number;
  /** Lines of each level that has some */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { info: 1 } })
  byLevel: Record<string, number>;
}

export class ActionStatsView {
  /** @example "tool.start" */
  action: string;
  success: number;
  failure: number;
  refused: number;
}

export class OperationStatsView {
  total: number;
  /** Most frequent first */
  byAction: ActionStatsView[];
}

export class MethodStatsView {
  /** Name of the tool, the one it had last */
  tool: string;
  method: string | null;
  /** Name of the MCP tool or prompt, or URI of the resource; `(other)` stands for those beyond 100 a tool and day */
  target: string | null;
  /** Requests that have ended, or notifications */
  count: number;
  /** Those that did not end with `ok` */
  errors: number;
  /** Part of `count`, 0 to 1 */
  errorRate: number;
  /** Half of them took no longer, within 2 %; null where nothing was measured */
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
  /** Requests by how they ended; empty for notifications */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'integer' }, example: { ok: 1 } })
  byOutcome: Record<string, number>;
}

export class McpStatsView {
  /** Messages in both directions */
  total: number;
  /** Most frequent first; what comes after the first 500 is one entry of `(other)` */
  byMethod: MethodStatsView[];
}

export class StatsBucketView {
  @ApiProperty({ format: 'date-time' })
  at: string;
  /** Lines of the system log */
  system: number;
  operations: number;
  /** Messages in both directions */
  mcp: number;
  /** Requests to tools and of tools that did not end with `ok` */
  errors: number;
}

export class StoredLogView {
  rows: number;
  /** About what they take on the disk, indexes included */
  bytes: number;
}

export class StoredLogsView {
  system: StoredLogView;
  operations: StoredLogView;
  mcp: StoredLogView;
}

export class RecorderStatsView {
  /** Messages that are not in the database yet: in memory and in the spool */
  queued: number;
  /** Since the start */
  written: number;
  dropped: number;
  spoolBytes: number;
}

export class LogStatsView {
  /** The time that was counted: what was asked for, widened to whole minutes, hours or days where it is long or long ago */
  @ApiProperty({ format: 'date-time' })
  from: string;
  @ApiProperty({ format: 'date-time' })
  to: string;
  bucketSeconds: number;
  system: SystemStatsView;
  operations: OperationStatsView;
  mcp: McpStatsView;
  /** One for each `bucketSeconds`, also where nothing happened; only what lies within `from` and `to` is counted */
  buckets: StatsBucketView[];
  /** What is stored now, whatever the time asked for */
  storage: StoredLogsView;
  recorder: RecorderStatsView;
}
