import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { OperationVerifier } from '../audit/operation-verifier';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { ApiProblems } from '../common/api-problems.decorator';
import type { Page } from '../common/pagination';
import { CleanupService } from './cleanup.service';
import { LogStatsQuery, LogStatsView } from './log-stats.dto';
import { LogStatsService } from './log-stats.service';
import { toVerdictView } from './log-views';
import {
  CleanupQuery,
  CleanupView,
  McpLogDetailView,
  McpLogEntryView,
  McpLogPageView,
  McpLogQuery,
  OperationPageView,
  OperationQuery,
  OperationVerdictView,
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
  constructor(
    private readonly logs: LogsService,
    private readonly verifier: OperationVerifier,
    private readonly statistics: LogStatsService,
    private readonly cleanup: CleanupService,
  ) {}

  /** Delete what is old from one log or all */
  @Delete('cleanup')
  @RequireRole('admin')
  @Audited('logs.cleanup')
  @ApiOperation({ operationId: 'cleanUpLogs' })
  @ApiProblems({ 409: 'A cleanup is running, or the clock is in doubt' })
  cleanUp(@Query() query: CleanupQuery): Promise<CleanupView> {
    return this.cleanup.run(query);
  }

  /** What happened in a time: counts, error rates and durations of all three logs, what they hold, and how the recorder does */
  @Get('stats')
  @ApiOperation({ operationId: 'getLogStats' })
  stats(@Query() query: LogStatsQuery): Promise<LogStatsView> {
    return this.statistics.read(query);
  }

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

  /** Check the hash chain of the operation log: the first row that somebody has changed, or before which one is missing */
  @Get('operations/verify')
  @RequireRole('admin')
  @ApiOperation({ operationId: 'verifyOperations' })
  verifyOperations(): Promise<OperationVerdictView> {
    return this.verifier.verify().then(toVerdictView);
  }

  /** Every MCP message that passed, both directions; for an API key those of the tools in its scope */
  @Get('mcp')
  @ScopedKeys()
  @ApiOperation({ operationId: 'listMcpMessages' })
  @ApiOkResponse({ type: McpLogPageView })
  mcp(@Query() query: McpLogQuery, @CurrentPrincipal() principal: Principal): Promise<Page<McpLogEntryView>> {
    return this.logs.mcp(query, principal.toolIds);
  }

  /** One MCP message with its other half and its neighbours */
  @Get('mcp/:id')
  @ScopedKeys()
  @ApiOperation({ operationId: 'getMcpMessage' })
  @ApiOkResponse({ type: McpLogDetailView })
  mcpEntry(@Param('id') id: string, @CurrentPrincipal() principal: Principal): Promise<McpLogDetailView> {
    return this.logs.mcpEntry(id, principal.toolIds);
  }
}
