import { Body, Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Audited } from '../audit/audited.decorator';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { RoleMissingError, ScopeMissingError } from '../auth/auth.errors';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { includesRole } from '../auth/roles';
import { ApiProblems } from '../common/api-problems.decorator';
import { ToolBatchService } from './tool-batch.service';
import {
  BatchRequest,
  BatchView,
  CallRequest,
  CallView,
  CapabilitiesView,
  McpRequest,
  StderrView,
} from './tool-runtime.dto';
import { ToolRuntimeService } from './tool-runtime.service';
import { ToolScopeGuard } from './tool-scope.guard';
import { ToolStatusView } from './tool-status.dto';

const START_PROBLEMS = {
  409: 'It is disabled, or a stop came in between',
  502: 'It did not get ready; the last lines of its stderr are in `detail`',
};
const CALL_PROBLEMS = {
  409: 'It is not running',
  502: 'It answered with a JSON-RPC error (`rpcError`), or the connection broke',
  504: 'It did not answer in time',
};

@ApiTags('Tools at work')
@Controller('tools')
@RequireRole('viewer')
@ScopedKeys()
@UseGuards(ToolScopeGuard)
export class ToolRuntimeController {
  constructor(
    private readonly runtime: ToolRuntimeService,
    private readonly batches: ToolBatchService,
  ) {}

  /** Start a tool; answers when it is ready or has failed */
  @Post(':tool/start')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.start')
  @ApiOperation({ operationId: 'startTool' })
  @ApiProblems(START_PROBLEMS)
  start(@Param('tool') tool: string): Promise<ToolStatusView> {
    return this.runtime.start(tool);
  }

  /** Stop a tool; answers when no process of it is left */
  @Post(':tool/stop')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.stop')
  @ApiOperation({ operationId: 'stopTool' })
  stop(@Param('tool') tool: string): Promise<ToolStatusView> {
    return this.runtime.stop(tool);
  }

  /** Stop and start a tool: a new process */
  @Post(':tool/restart')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.restart')
  @ApiOperation({ operationId: 'restartTool' })
  @ApiProblems(START_PROBLEMS)
  restart(@Param('tool') tool: string): Promise<ToolStatusView> {
    return this.runtime.restart(tool);
  }

  /** The tool at this moment */
  @Get(':tool/status')
  @ApiOperation({ operationId: 'getToolStatus' })
  status(@Param('tool') tool: string): Promise<ToolStatusView> {
    return this.runtime.status(tool);
  }

  /** What the tool offers: MCP tools, resources, prompts; of a stopped one what was last seen */
  @Get(':tool/capabilities')
  @ApiOperation({ operationId: 'getToolCapabilities' })
  @ApiProblems(CALL_PROBLEMS)
  capabilities(@Param('tool') tool: string): Promise<CapabilitiesView> {
    return this.runtime.capabilities(tool);
  }

  /** Run one MCP tool */
  @Post(':tool/call')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.call')
  @ApiOperation({ operationId: 'callTool' })
  @ApiProblems(CALL_PROBLEMS)
  call(
    @Param('tool') tool: string,
    @Body() body: CallRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<CallView> {
    return this.runtime.call(tool, body, principal.name);
  }

  /** Send any MCP request */
  @Post(':tool/request')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.request')
  @ApiOperation({ operationId: 'sendToolRequest' })
  @ApiProblems(CALL_PROBLEMS)
  request(
    @Param('tool') tool: string,
    @Body() body: McpRequest,
    @CurrentPrincipal() principal: Principal,
  ): Promise<CallView> {
    return this.runtime.request(tool, body, principal.name);
  }

  /** The last lines that the program said on stderr */
  @Get(':tool/stderr')
  @ApiOperation({ operationId: 'getToolStderr' })
  stderr(@Param('tool') tool: string): Promise<StderrView> {
    return this.runtime.stderr(tool);
  }

  /** One action on many tools, with an outcome for each; enable, disable and delete need the role admin */
  @Post('batch')
  @RequireRole('operator')
  @HttpCode(200)
  @Audited('tool.batch')
  @ApiOperation({ operationId: 'batchTools' })
  batch(@Body() body: BatchRequest, @CurrentPrincipal() principal: Principal): Promise<BatchView> {
    const changesDefinitions = body.action === 'enable' || body.action === 'disable' || body.action === 'delete';
    if (changesDefinitions && !includesRole(principal.role, 'admin')) throw new RoleMissingError('admin');
    // As on the routes of one tool: a key of limited scope changes no definition.
    if (changesDefinitions && principal.toolIds !== null) throw new ScopeMissingError();
    return this.batches.run(body.action, body.tools, principal.toolIds);
  }
}
