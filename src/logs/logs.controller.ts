import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireRole } from '../auth/access.decorator';
import type { Page } from '../common/pagination';
import {
  McpLogDetailView,
  McpLogEntryView,
  McpLogPageView,
  McpLogQuery,
  OperationPageView,
  OperationQuery,
  OperationView,
  SystemLogEntryView,
  SystemLogPageView,
  SystemLogQuery,
} from './logs.dto';
import { LogsService } from './logs.service';

@ApiTags('Logs')
@Controller('logs')
@RequireRole('viewer')
export class LogsController {
  constructor(private readonly logs: LogsService) {}

  /** The system's own log */
  @Get('system')
  @ApiOperation({ operationId: 'listSystemLog' })
  @ApiOkResponse({ type: SystemLogPageView })
  system(@Query() query: SystemLogQuery): Promise<Page<SystemLogEntryView>> {
    return this.logs.system(query);
  }

  /** Every change anyone made, and every failed or refused try */
  @Get('operations')
  @ApiOperation({ operationId: 'listOperations' })
  @ApiOkResponse({ type: OperationPageView })
  operations(@Query() query: OperationQuery): Promise<Page<OperationView>> {
    return this.logs.operationPage(query);
  }

  /** Every MCP message that passed, both directions */
  @Get('mcp')
  @ApiOperation({ operationId: 'listMcpMessages' })
  @ApiOkResponse({ type: McpLogPageView })
  mcp(@Query() query: McpLogQuery): Promise<Page<McpLogEntryView>> {
    return this.logs.mcp(query);
  }

  /** One MCP message with its other half and its neighbours */
  @Get('mcp/:id')
  @ApiOperation({ operationId: 'getMcpMessage' })
  @ApiOkResponse({ type: McpLogDetailView })
  mcpEntry(@Param('id') id: string): Promise<McpLogDetailView> {
    return this.logs.mcpEntry(id);
  }
}
