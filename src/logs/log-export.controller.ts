import { Controller, Get, Query, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { McpLogExportQuery, OperationExportQuery, SystemLogExportQuery } from './log-export.dto';
import { LogExportService } from './log-export.service';

const TYPES = ['application/x-ndjson', 'text/csv'];
const TEXT = { schema: { type: 'string' } } as const;

@ApiTags('Logs')
@Controller('logs')
@RequireRole('viewer')
export class LogExportController {
  constructor(private readonly exports: LogExportService) {}

  /** The system's own log as a file: all that matches, of any size; a body that is cut off is not the whole */
  @Get('system/export')
  @ApiOperation({ operationId: 'exportSystemLog' })
  @ApiProduces(...TYPES)
  @ApiOkResponse(TEXT)
  system(@Query() query: SystemLogExportQuery, @CurrentPrincipal() principal: Principal): Promise<StreamableFile> {
    return this.exports.system(query, principal);
  }

  /** The operation log as a file: all that matches, of any size; a body that is cut off is not the whole */
  @Get('operations/export')
  @ApiOperation({ operationId: 'exportOperations' })
  @ApiProduces(...TYPES)
  @ApiOkResponse(TEXT)
  operations(@Query() query: OperationExportQuery, @CurrentPrincipal() principal: Principal): Promise<StreamableFile> {
    return this.exports.operationLog(query, principal);
  }

  /** MCP messages as a file: all that match, of any size; for an API key those of the tools in its scope */
  @Get('mcp/export')
  @ScopedKeys()
  @ApiOperation({ operationId: 'exportMcpMessages' })
  @ApiProduces(...TYPES)
  @ApiOkResponse(TEXT)
  mcp(@Query() query: McpLogExportQuery, @CurrentPrincipal() principal: Principal): Promise<StreamableFile> {
    return this.exports.mcp(query, principal);
  }
}
