import { Body, Controller, Get, HttpCode, Post, Query, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole } from '../auth/access.decorator';
import { ToolExportService } from './tool-export.service';
import { ToolImportService } from './tool-import.service';
import { ToolProbeService } from './tool-probe.service';
import { ExportQuery, ExportView, ImportRequest, ImportView, ProbeView, ValidationView } from './tool-transfer.dto';
import { ToolRequest } from './tools.dto';

/** Definitions before they are tools, and on their way in and out. A definition is code: all of it is for admins. */
@ApiTags('Tool definitions')
@Controller('tools')
@RequireRole('admin')
export class ToolTransferController {
  constructor(
    private readonly imports: ToolImportService,
    private readonly exports: ToolExportService,
    private readonly probes: ToolProbeService,
  ) {}

  /** Check a definition without starting anything */
  @Post('validate')
  @HttpCode(200)
  @ApiOperation({ operationId: 'validateTool' })
  validate(@Body() body: ToolRequest): Promise<ValidationView> {
    return this.probes.validate(body);
  }

  /** Run a definition once without saving it; nothing of it is left */
  @Post('probe')
  @HttpCode(200)
  @Audited('tool.probe')
  @ApiOperation({ operationId: 'probeTool' })
  probe(@Body() body: ToolRequest): Promise<ProbeView> {
    return this.probes.probe(body);
  }

  /** Take tools over from a client's configuration or a registry's server.json; nothing is started */
  @Post('import')
  @HttpCode(200)
  @Audited('tool.import')
  @ApiOperation({ operationId: 'importTools' })
  import(@Body() body: ImportRequest): Promise<ImportView> {
    return this.imports.run(body);
  }

  /** What to paste into a client so that it reaches these tools */
  @Get('export')
  @ApiOperation({ operationId: 'exportTools' })
  export(@Query() query: ExportQuery, @Req() request: FastifyRequest): Promise<ExportView> {
    return this.exports.run(query, `${request.protocol}://${request.host}`);
  }
}
