import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
  UseGuards,
} from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiHeader, ApiOperation, ApiResponse, ApiTags, PartialType } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../audit/audited.decorator';
import { RequireRole, ScopedKeys } from '../auth/access.decorator';
import { CurrentPrincipal, type Principal } from '../auth/principal';
import { ApiProblems } from '../common/api-problems.decorator';
import { ValidationFailedError } from '../common/domain-error';
import { etagOf } from '../common/etag';
import { ToolScopeGuard } from './tool-scope.guard';
import { RevealView, ToolListQuery, ToolPageView, ToolRequest, ToolView } from './tools.dto';
import { ToolsService } from './tools.service';

/** For the documentation alone: a merge patch may hold any part of a definition. */
export class ToolPatchRequest extends PartialType(ToolRequest) {}

const NAME_TAKEN = 'Another tool has this name';
const STALE = 'If-Match names an old version';
const IF_MATCH = { name: 'If-Match', required: false, description: 'ETag of the version to change' };

@ApiTags('Tools')
@Controller('tools')
@RequireRole('viewer')
@UseGuards(ToolScopeGuard)
export class ToolsController {
  constructor(private readonly tools: ToolsService) {}

  /** List tools; for an API key those in its scope */
  @Get()
  @ScopedKeys()
  @ApiOperation({ operationId: 'listTools' })
  list(@Query() query: ToolListQuery, @CurrentPrincipal() principal: Principal): Promise<ToolPageView> {
    return this.tools.list(query, principal.toolIds);
  }

  /** Register a tool */
  @Post()
  @RequireRole('admin')
  @Audited('tool.create')
  @ApiOperation({ operationId: 'createTool' })
  @ApiProblems({ 409: NAME_TAKEN })
  async create(@Body() body: ToolRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<ToolView> {
    const tool = await this.tools.create(body);
    void reply.header('location', `${reply.request.url.split('?')[0] ?? ''}/${tool.id}`);
    return tagged(reply, tool);
  }

  /** Read a tool, by id or name */
  @Get(':tool')
  @ScopedKeys()
  @ApiOperation({ operationId: 'getTool' })
  async get(@Param('tool') tool: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<ToolView> {
    return tagged(reply, await this.tools.get(tool));
  }

  /** Replace the whole definition; a running tool goes on with the old one until it is restarted */
  @Put(':tool')
  @RequireRole('admin')
  @Audited('tool.update')
  @ApiOperation({ operationId: 'replaceTool' })
  @ApiHeader(IF_MATCH)
  @ApiProblems({ 409: NAME_TAKEN, 412: STALE })
  async replace(
    @Param('tool') tool: string,
    @Body() body: ToolRequest,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ToolView> {
    return tagged(reply, await this.tools.replace(tool, body, ifMatch));
  }

  /** Change parts of the definition by a JSON merge patch (RFC 7396) */
  @Patch(':tool')
  @RequireRole('admin')
  @Audited('tool.update')
  @ApiOperation({ operationId: 'patchTool' })
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: ToolPatchRequest })
  @ApiHeader(IF_MATCH)
  @ApiProblems({ 409: NAME_TAKEN, 412: STALE })
  async patch(
    @Param('tool') tool: string,
    @Body() body: unknown,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ToolView> {
    return tagged(reply, await this.tools.patch(tool, asPatch(body), ifMatch));
  }

  /** Stop and delete a tool; its logs stay */
  @Delete(':tool')
  @RequireRole('admin')
  @HttpCode(204)
  @Audited('tool.delete')
  @ApiOperation({ operationId: 'deleteTool' })
  @ApiHeader(IF_MATCH)
  @ApiResponse({ status: 204, description: 'It is gone' })
  @ApiProblems({ 412: STALE })
  remove(@Param('tool') tool: string, @Headers('if-match') ifMatch: string | undefined): Promise<void> {
    return this.tools.remove(tool, ifMatch);
  }

  /** The secret values of `env` and `headers` in clear; stands in the operation log */
  @Post(':tool/reveal')
  @RequireRole('admin')
  @HttpCode(200)
  @Audited('tool.reveal')
  @ApiOperation({ operationId: 'revealTool' })
  reveal(@Param('tool') tool: string): Promise<RevealView> {
    return this.tools.reveal(tool);
  }
}

function tagged(reply: FastifyReply, tool: ToolView): ToolView {
  void reply.header('etag', etagOf(tool.version));
  return tool;
}

function asPatch(body: unknown): Record<string, unknown> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ValidationFailedError([{ path: 'body', message: 'must be a JSON object' }]);
  }
  return body as Record<string, unknown>;
}
