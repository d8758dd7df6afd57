import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  MinLength,
  NotContains,
  ValidateIf,
} from 'class-validator';
import { AsGiven } from '../common/as-given.decorator';
import { PageQuery, QueryBoolean } from '../common/page.dto';
import { RESTART_POLICIES, type RestartPolicy, TRANSPORTS, type ToolTransport } from '../supervisor/supervised-tool';
import { TOOL_STATES, type ToolState } from '../supervisor/tool-snapshot';
import { IsHeaderMap, IsVariableMap } from './secret-map.decorator';
import { FOLLOWING, SHARINGS, type Sharing } from './tool-definition.types';
import { IsToolName } from './tool-name.decorator';
import { ToolStatusView } from './tool-status.dto';

const HOUR_MS = 3_600_000;
const notNull = (_: object, value: unknown) => value !== null && value !== undefined;

/** A tool definition as a client sends it; what is left out gets its default. */
export class ToolRequest {
  /**
   * Unique; 1 to 63 of a-z, 0-9 and -
   * @example "everything"
   */
  @IsToolName()
  name: string;

  @IsString()
  @MaxLength(2000)
  description?: string = '';

  @IsArray()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(50, { each: true })
  tags?: string[] = [];

  /** Default: stdio where there is a command, else streamable-http */
  @ApiPropertyOptional({ enum: TRANSPORTS, enumName: 'Transport' })
  @IsOptional()
  @IsIn(TRANSPORTS)
  transport?: ToolTransport;

  /**
   * Program of a stdio server: a name looked up in PATH or an absolute path
   * @example "npx"
   */
  @ApiPropertyOptional({ type: String, nullable: true })
  @ValidateIf(notNull)
  @IsString()
  @MinLength(1)
  @MaxLength(4096)
  @NotContains('\0')
  command?: string | null = null;

  /**
   * Arguments, one each; no shell reads them
   * @example ["-y", "@modelcontextprotocol/server-everything"]
   */
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(131_072, { each: true })
  @NotContains('\0', { each: true })
  args?: string[] = [];

  /** Working directory of the program, absolute */
  @ApiPropertyOptional({ type: String, nullable: true })
  @ValidateIf(notNull)
  @IsString()
  @MinLength(1)
  @MaxLength(4096)
  @NotContains('\0')
  cwd?: string | null = null;

  /** Environment variables of the program; write-only: answered as "***", and "***" sent back keeps the stored value */
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, default: {} })
  @AsGiven()
  @IsVariableMap()
  env?: Record<string, string> = {};

  /**
   * Where a remote server is
   * @example null
   */
  @ApiPropertyOptional({ type: String, nullable: true })
  @ValidateIf(notNull)
  @IsString()
  @MinLength(1)
  @MaxLength(4096)
  url?: string | null = null;

  /** HTTP headers sent to a remote server; write-only like `env` */
  @ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string' }, default: {} })
  @AsGiven()
  @IsHeaderMap()
  headers?: Record<string, string> = {};

  /** A disabled tool is stopped and can't be started */
  @IsBoolean()
  enabled?: boolean = true;

  /** Start it whenever MCPS.ONE starts */
  @IsBoolean()
  autoStart?: boolean = false;

  @ApiPropertyOptional({ enum: RESTART_POLICIES, enumName: 'RestartPolicy', default: 'on-failure' })
  @IsIn(RESTART_POLICIES)
  restartPolicy?: RestartPolicy = 'on-failure';

  /** Restarts in a row before the state is failed; null: follows the setting `mcp.maxRetries` */
  @ApiPropertyOptional({ type: 'integer', nullable: true })
  @ValidateIf(notNull)
  @IsInt()
  @Min(0)
  @Max(100)
  maxRetries?: number | null = null;

  /** Limit of each request in milliseconds; null: follows the setting `mcp.timeoutSeconds` */
  @ApiPropertyOptional({ type: 'integer', nullable: true })
  @ValidateIf(notNull)
  @IsInt()
  @Min(100)
  @Max(HOUR_MS)
  timeoutMs?: number | null = null;

  /** Limit of start and handshake in milliseconds; null: `timeoutMs`, 120000 for npx, uvx, docker and the like */
  @ApiPropertyOptional({ type: 'integer', nullable: true })
  @ValidateIf(notNull)
  @IsInt()
  @Min(100)
  @Max(HOUR_MS)
  startTimeoutMs?: number | null = null;

  /** false: of messages only metadata is recorded */
  @IsBoolean()
  recordPayloads?: boolean = true;

  /** One process for all clients, or one for each session */
  @ApiPropertyOptional({ enum: SHARINGS, enumName: 'Sharing', default: 'auto' })
  @IsIn(SHARINGS)
  sharing?: Sharing = 'auto';

  /** Limit of the whole process group in bytes */
  @ApiPropertyOptional({ type: 'integer', nullable: true })
  @ValidateIf(notNull)
  @IsInt()
  @Min(1_048_576)
  @Max(Number.MAX_SAFE_INTEGER)
  memoryLimitBytes?: number | null = null;
}

export class ToolListQuery extends PageQuery {
  @ApiPropertyOptional({ enum: TOOL_STATES, enumName: 'ToolState' })
  @IsOptional()
  @IsIn(TOOL_STATES)
  state?: ToolState;

  @ApiPropertyOptional({ enum: TRANSPORTS, enumName: 'Transport' })
  @IsOptional()
  @IsIn(TRANSPORTS)
  transport?: ToolTransport;

  @IsOptional()
  @IsString()
  @MaxLength(50)
  tag?: string;

  @ApiPropertyOptional({ type: Boolean })
  @IsOptional()
  @QueryBoolean()
  @IsBoolean()
  enabled?: boolean;

  /** Plain text to find in name, description and tags, case ignored */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  search?: string;
}

/** A tool as it is defined, and as it is. */
export class ToolView {
  id: string;
  name: string;
  description: string;
  tags: string[];
  @ApiProperty({ enum: TRANSPORTS, enumName: 'Transport' })
  transport: ToolTransport;
  command: string | null;
  args: string[];
  cwd: string | null;
  /** Names with "***" for values */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  env: Record<string, string>;
  url: string | null;
  /** Names with "***" for values */
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  headers: Record<string, string>;
  enabled: boolean;
  autoStart: boolean;
  @ApiProperty({ enum: RESTART_POLICIES, enumName: 'RestartPolicy' })
  restartPolicy: RestartPolicy;
  /** What holds now: of the tool itself, or of the settings */
  maxRetries: number;
  /** What holds now: of the tool itself, or of the settings */
  timeoutMs: number;
  /** Which of `maxRetries` and `timeoutMs` follow the settings, since the tool says nothing of its own */
  @ApiProperty({ enum: FOLLOWING, isArray: true })
  followsSettings: string[];
  startTimeoutMs: number | null;
  recordPayloads: boolean;
  @ApiProperty({ enum: SHARINGS, enumName: 'Sharing' })
  sharing: Sharing;
  memoryLimitBytes: number | null;
  /** Counts the changes of the definition; also the ETag */
  version: number;
  @ApiProperty({ format: 'date-time' })
  createdAt: string;
  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
  status: ToolStatusView;
}

export class ToolPageView {
  items: ToolView[];
  /** Pass it as `cursor` for the next page; null on the last */
  nextCursor: string | null;
  /** All that match, on every page */
  total: number;
}

export class RevealView {
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  env: Record<string, string>;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  headers: Record<string, string>;
}
