import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { OrderedPageQuery, QueryBoolean } from '../common/page.dto';
import { QueryTime, TIME_MESSAGE } from '../common/query-time.decorator';
import { LOG_LEVELS, type LogLevel } from '../config/variables';

const DIRECTIONS = ['to-server', 'from-server'] as const;
const KINDS = ['request', 'response', 'error', 'notification'] as const;
const OPERATION_OUTCOMES = ['success', 'failure', 'refused'] as const;
const CALL_OUTCOMES = ['ok', 'tool_error', 'rpc_error', 'timeout', 'cancelled', 'transport_error'] as const;

/** What all three logs can be asked for. */
export class LogQuery extends OrderedPageQuery {
  /** Not before this time */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  from?: number;

  /** Before this time */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  to?: number;

  /** Plain text to find in the message or payload, case ignored */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(1000)
  search?: string;
}

export class SystemLogQuery extends LogQuery {
  /** This level and worse */
  @ApiPropertyOptional({ enum: LOG_LEVELS })
  @IsOptional()
  @IsIn(LOG_LEVELS)
  level?: LogLevel;

  /** The part of the system that speaks */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  context?: string;
}

export class OperationQuery extends LogQuery {
  /** Id or name of who acted */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  actor?: string;

  /** @example "tool.start" */
  @IsOptional()
  @Matches(/^[a-z-]+\.[a-z-]+$/, { message: '$property must be noun.verb, such as tool.start' })
  action?: string;

  /** Id of what was acted on */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  targetId?: string;

  @ApiPropertyOptional({ enum: OPERATION_OUTCOMES })
  @IsOptional()
  @IsIn(OPERATION_OUTCOMES)
  outcome?: (typeof OPERATION_OUTCOMES)[number];
}

export class McpLogQuery extends LogQuery {
  /** Id or name of the tool */
  @IsOptional()
  @IsString()
  @MaxLength(64)
  tool?: string;

  @IsOptional()
  @IsString()
  @MaxLength(64)
  sessionId?: string;

  @ApiPropertyOptional({ enum: DIRECTIONS })
  @IsOptional()
  @IsIn(DIRECTIONS)
  direction?: (typeof DIRECTIONS)[number];

  @ApiPropertyOptional({ enum: KINDS })
  @IsOptional()
  @IsIn(KINDS)
  kind?: (typeof KINDS)[number];

  /** @example "tools/call" */
  @IsOptional()
  @IsString()
  @MaxLength(128)
  method?: string;

  /** Name of the MCP tool or prompt, or URI of the resource */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  target?: string;

  /** Answers that took at least this long */
  @IsOptional()
  @Type(() => Number)
  @IsNumber()
  @Min(0)
  minDurationMs?: number;
}

const CLEANED_UP = ['system', 'operations', 'mcp', 'all'] as const;

export class CleanupQuery {
  /** Which log */
  @ApiProperty({ enum: CLEANED_UP })
  @IsIn(CLEANED_UP)
  type: (typeof CLEANED_UP)[number];

  /** What is of before this time; this or `olderThanDays` */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  before?: number;

  /** What is older than so many days; 0: all up to now */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  @Max(36_500)
  olderThanDays?: number;

  /** Count only */
  @ApiPropertyOptional({ type: Boolean, default: false })
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  dryRun: boolean = false;
}

export class DeletedView {
  system: number;
  operations: number;
  mcp: number;
}

export class CleanupView {
  /** Rows that were deleted, or would be by a dry run */
  deleted: DeletedView;
  /** False: it takes long and goes on; the operation log has the rest of it at its end */
  complete: boolean;
}

export class SystemLogEntryView {
  id: string;
  /** @example "2026-11-23T12:00:00.000Z" */
  @ApiProperty({ format: 'date-time' })
  at: string;
  @ApiProperty({ enum: LOG_LEVELS })
  level: LogLevel;
  context: string | null;
  message: string;
  requestId: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  data: Record<string, unknown> | null;
}

export class SystemLogPageView {
  items: SystemLogEntryView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
}

export class ActorView {
  @ApiProperty({ enum: ['user', 'apiKey', 'system', 'anonymous'] })
  type: string;
  id: string | null;
  name: string;
}

export class TargetView {
  /** @example "tool" */
  type: string;
  id: string | null;
  name: string | null;
}

export class BrokenRowView {
  id: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
}

export class OperationVerdictView {
  /** Whether every row is as it was written, and none is missing but those that retention has deleted */
  valid: boolean;
  /** Rows that were looked at */
  checked: number;
  /** Rows of a former key that was lost: their order was checked, their content was not */
  unverifiable: number;
  @ApiProperty({ type: () => BrokenRowView, nullable: true })
  firstBroken: BrokenRowView | null;
  /** How many rows are gone from the end; null where nobody can say: a row is broken, or the signed end itself is gone */
  missingAtEnd: number | null;
}

export class OperationView {
  id: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
  actor: ActorView;
  /** @example "tool.start" */
  action: string;
  @ApiProperty({ type: () => TargetView, nullable: true })
  target: TargetView | null;
  @ApiProperty({ enum: OPERATION_OUTCOMES })
  outcome: string;
  /** HTTP status of the answer, where it was an error */
  status: number | null;
  ip: string | null;
  requestId: string | null;
  /** What changed, or why it failed; secrets never in it */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  changes: Record<string, unknown> | null;
  /** Hash of the row before */
  prevHash: string;
  /** HMAC over this row and `prevHash` */
  hash: string;
}

export class OperationPageView {
  items: OperationView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
}

/** A message without what it says */
export class McpLogNeighbourView {
  id: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
  toolId: string;
  toolName: string;
  /** The client's session at the gateway; null when MCPS.ONE itself asked */
  sessionId: string | null;
  /** Who asked */
  client: string | null;
  @ApiProperty({ enum: DIRECTIONS })
  direction: string;
  @ApiProperty({ enum: KINDS })
  kind: string;
  /** A response carries the method of its request */
  method: string | null;
  /** Name of the MCP tool or prompt, or URI of the resource */
  target: string | null;
  @ApiProperty({ oneOf: [{ type: 'string' }, { type: 'number' }], nullable: true })
  rpcId: string | number | null;
  /** How the request ended; only on its answer */
  @ApiProperty({ enum: CALL_OUTCOMES, nullable: true })
  outcome: string | null;
  durationMs: number | null;
  /** Size on the wire */
  sizeBytes: number;
  /** The payload is `{head, tail}` of a larger one, or null because there was no room for it */
  truncated: boolean;
}

export class McpLogEntryView extends McpLogNeighbourView {
  /** The message; null where payloads are not recorded */
  @ApiProperty({ type: 'object', additionalProperties: true, nullable: true })
  payload: unknown;
}

export class McpLogNeighboursView {
  /** Up to 5, the oldest first */
  before: McpLogNeighbourView[];
  after: McpLogNeighbourView[];
}

export class McpLogDetailView extends McpLogEntryView {
  /** The answer to this request, or the request of this answer; null where there is none */
  @ApiProperty({ type: () => McpLogEntryView, nullable: true })
  pair: McpLogEntryView | null;
  /** What passed just before and after in the same session */
  neighbours: McpLogNeighboursView;
}

export class McpLogPageView {
  items: McpLogEntryView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
}
