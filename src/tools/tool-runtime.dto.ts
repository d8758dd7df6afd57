import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';
import { ServerInfoView, ToolStatusView } from './tool-status.dto';

const HOUR_MS = 3_600_000;

export class CallRequest {
  /**
   * Name of the MCP tool
   * @example "echo"
   */
  @IsString()
  @MinLength(1)
  @MaxLength(256)
  name: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, default: {}, example: { message: 'hello' } })
  @IsOptional()
  @IsObject()
  arguments?: Record<string, unknown>;

  /** Default: the tool's `timeoutMs` */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  timeoutMs?: number;
}

export class McpRequest {
  /**
   * Any MCP request but those that open a connection
   * @example "resources/read"
   */
  @IsString()
  @MaxLength(128)
  @Matches(/^(?!initialize$|notifications\/|server\/discover$|subscriptions\/listen$)[A-Za-z][A-Za-z0-9_./-]*$/, {
    message: '$property must be a method such as resources/read; MCPS.ONE itself opens the connection',
  })
  method: string;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, default: {} })
  @IsOptional()
  @IsObject()
  params?: Record<string, unknown>;

  /** Default: the tool's `timeoutMs` */
  @ApiPropertyOptional({ type: 'integer' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(HOUR_MS)
  timeoutMs?: number;
}

export class CallView {
  /** The MCP result as it came, `isError` included */
  @ApiProperty({ type: 'object', additionalProperties: true })
  result: unknown;
  /** @example 3.2 */
  durationMs: number;
}

/** What a tool offers, all pages. */
export class CapabilitiesView {
  protocolVersion: string;
  @ApiProperty({ type: () => ServerInfoView, nullable: true })
  serverInfo: object | null;
  instructions: string | null;
  @ApiProperty({ type: 'object', additionalProperties: true })
  capabilities: object;
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  tools: unknown[];
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  resources: unknown[];
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  resourceTemplates: unknown[];
  @ApiProperty({ type: 'array', items: { type: 'object', additionalProperties: true } })
  prompts: unknown[];
  /** false: the tool is not running and this is what it offered when it was last seen */
  live: boolean;
  /** When it was asked */
  @ApiProperty({ format: 'date-time' })
  at: string;
}

export class StderrLineView {
  @ApiProperty({ format: 'date-time' })
  at: string;
  line: string;
}

export class StderrView {
  /** Oldest first, at most 500 */
  items: StderrLineView[];
}

export const BATCH_ACTIONS = ['start', 'stop', 'restart', 'enable', 'disable', 'delete'] as const;
export type BatchAction = (typeof BATCH_ACTIONS)[number];

export class BatchRequest {
  @ApiProperty({ enum: BATCH_ACTIONS })
  @IsIn(BATCH_ACTIONS)
  action: BatchAction;

  /** Ids or names */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(500)
  @IsString({ each: true })
  @MaxLength(64, { each: true })
  tools: string[];
}

export class BatchItemView {
  /** As it was asked for */
  tool: string;
  ok: boolean;
  @ApiPropertyOptional({ type: () => ToolStatusView })
  status?: ToolStatusView;
  /** Where it failed: the word that the single action would have answered */
  code?: string;
  detail?: string;
}

export class BatchView {
  items: BatchItemView[];
}
