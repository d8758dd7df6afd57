import { ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { McpLogQuery, OperationQuery, SystemLogQuery } from './logs.dto';

const FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof FORMATS)[number];

/** An export has no pages: it is all that matches. */
const PAGING = ['limit', 'cursor'] as const;

export class SystemLogExportQuery extends OmitType(SystemLogQuery, PAGING) {
  /** One JSON object a line, or comma-separated values with a line of names */
  @ApiPropertyOptional({ enum: FORMATS, default: 'ndjson' })
  @IsOptional()
  @IsIn(FORMATS)
  format: ExportFormat = 'ndjson';
}

export class OperationExportQuery extends OmitType(OperationQuery, PAGING) {
  /** One JSON object a line, or comma-separated values with a line of names */
  @ApiPropertyOptional({ enum: FORMATS, default: 'ndjson' })
  @IsOptional()
  @IsIn(FORMATS)
  format: ExportFormat = 'ndjson';
}

export class McpLogExportQuery extends OmitType(McpLogQuery, PAGING) {
  /** One JSON object a line, or comma-separated values with a line of names */
  @ApiPropertyOptional({ enum: FORMATS, default: 'ndjson' })
  @IsOptional()
  @IsIn(FORMATS)
  format: ExportFormat = 'ndjson';
}
