import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsDefined, IsIn, IsOptional } from 'class-validator';
import { EXPORT_CLIENTS, EXPORT_TARGETS, type ExportClient, type ExportTarget } from './client-config-export.types';
import { ServerInfoView } from './tool-status.dto';

export class ImportRequest {
  /** The configuration as a client writes it: an object, or the file's text (comments and trailing commas allowed) */
  @ApiProperty({
    oneOf: [{ type: 'object', additionalProperties: true }, { type: 'string' }],
    example: {
      mcpServers: { everything: { command: 'npx', args: ['-y', '@modelcontextprotocol/server-everything'] } },
    },
  })
  @IsDefined({ message: '$property is missing' })
  config: unknown;

  /** Replace tools of the same name; otherwise they are skipped */
  @IsOptional()
  @IsBoolean()
  overwrite?: boolean = false;

  /** Only tell what would be done */
  @IsOptional()
  @IsBoolean()
  dryRun?: boolean = false;
}

export class SkippedView {
  name: string;
  reason: string;
}

export class MissingView {
  /** The tool that needs it */
  name: string;
  variable: string;
}

export class ImportNoteView {
  name: string;
  note: string;
}

export class ImportView {
  /** Names of new tools; nothing is started */
  created: string[];
  updated: string[];
  skipped: SkippedView[];
  /** Values that a human has to fill in before the tool can be enabled */
  missing: MissingView[];
  /** What was understood differently or left out */
  notes: ImportNoteView[];
  /** true: nothing was stored */
  dryRun: boolean;
}

export class ExportQuery {
  /** For which client */
  @ApiPropertyOptional({ enum: EXPORT_CLIENTS, enumName: 'ExportClient' })
  @IsOptional()
  @IsIn(EXPORT_CLIENTS)
  client?: ExportClient = 'claude-code';

  /** gateway: the client reaches the tools through MCPS.ONE; direct: it starts or connects to them itself */
  @ApiPropertyOptional({ enum: EXPORT_TARGETS, enumName: 'ExportTarget' })
  @IsOptional()
  @IsIn(EXPORT_TARGETS)
  target?: ExportTarget = 'gateway';
}

export class ExportView {
  /** Where the client looks for it */
  fileName: string;
  /** What to paste there; secrets are placeholders */
  @ApiProperty({ type: 'object', additionalProperties: true })
  config: Record<string, unknown>;
  /** What to do before it works */
  notes: string[];
}

export class DefinitionProblemView {
  /** @example "args[1]" */
  path: string;
  /** @example "command_not_found" */
  code: string;
  message: string;
  /** What to do about it */
  hint: string;
  /** A warning does not keep the definition from being used */
  @ApiProperty({ enum: ['error', 'warning'] })
  severity: string;
}

export class ValidationView {
  /** No problem but warnings */
  valid: boolean;
  problems: DefinitionProblemView[];
}

export class ProbeCountsView {
  tools: number;
  resources: number;
  prompts: number;
}

export class ProbeErrorView {
  code: string;
  message: string;
  hint: string;
}

export class ProbeView {
  ok: boolean;
  protocolVersion: string | null;
  @ApiProperty({ type: () => ServerInfoView, nullable: true })
  serverInfo: object | null;
  @ApiProperty({ type: () => ProbeCountsView, nullable: true })
  counts: ProbeCountsView | null;
  durationMs: number;
  @ApiProperty({ type: () => ProbeErrorView, nullable: true })
  error: ProbeErrorView | null;
  /** What the program said on stderr, oldest first */
  stderr: string[];
}
