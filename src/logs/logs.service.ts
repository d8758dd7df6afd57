import { Injectable } from '@nestjs/common';
import { OperationListRepository } from '../audit/operation-list.repository';
import { SEVERITY } from '../common/app-logger';
import { isId } from '../common/ids';
import { decodeCursor, encodeCursor, type Page, toPage } from '../common/pagination';
import { toMcpLogDetailView, toMcpLogView, toOperationView, toSystemLogView } from './log-views';
import type {
  LogQuery,
  McpLogDetailView,
  McpLogEntryView,
  McpLogQuery,
  OperationQuery,
  OperationView,
  SystemLogEntryView,
  SystemLogQuery,
} from './logs.dto';
import { LogEntryNotFoundError } from './logs.errors';
import { LogSettling } from './log-settling';
import { McpLogRepository } from './mcp-log.repository';
import { SystemLogRepository } from './system-log.repository';
import { ToolNames } from './tool-names';

/** Messages shown on each side of one. */
const NEIGHBOURS = 5;

/** Reads the three logs, page by page. What was said before a question is in its answer. */
@Injectable()
export class LogsService {
  constructor(
    private readonly systemLog: SystemLogRepository,
    private readonly operations: OperationListRepository,
    private readonly mcpLog: McpLogRepository,
    private readonly settling: LogSettling,
    private readonly names: ToolNames,
  ) {}

  async system(query: SystemLogQuery): Promise<Page<SystemLogEntryView>> {
    await this.settling.system();
    const { level, context } = query;
    return this.page('system', query, toSystemLogView, (after) =>
      this.systemLog.list({
        ...common(query),
        ...(level === undefined ? {} : { minSeverity: SEVERITY[level] }),
        context,
        after,
      }),
    );
  }

  async operationPage(query: OperationQuery): Promise<Page<OperationView>> {
    const { actor, action, targetId, outcome } = query;
    return this.page('operations', query, toOperationView, (after) =>
      this.operations.list({ ...common(query), actor, action, targetId, outcome, after }),
    );
  }

  /** `scope`: ids of the only tools whose messages the caller may see; null: all. */
  async mcp(query: McpLogQuery, scope: ReadonlySet<string> | null): Promise<Page<McpLogEntryView>> {
    await this.settling.mcp();
    const { tool, sessionId, direction, kind, method, target, minDurationMs } = query;
    const byTool = tool === undefined ? {} : await this.toolFilter(tool);
    return this.page('mcp', query, toMcpLogView, (after) =>
      this.mcpLog.list({
        ...common(query),
        ...byTool,
        ...(scope === null ? {} : { scope: [...scope] }),
        sessionId,
        direction,
        kind,
        method,
        target,
        minDurationMs,
        after,
      }),
    );
  }

  /** One message, the other half of its exchange, and what passed just before and after. @throws LogEntryNotFoundError */
  async mcpEntry(id: string): Promise<McpLogDetailView> {
    await this.settling.mcp();
    const row = isId(id) ? await this.mcpLog.findById(id) : null;
    if (row === null) throw new LogEntryNotFoundError(id);
    const [pair, neighbours] = await Promise.all([this.mcpLog.findPair(row), this.mcpLog.neighbours(row, NEIGHBOURS)]);
    return toMcpLogDetailView(row, pair, neighbours);
  }

  /** A tool that has the name now, with all it was recorded as; else one that is gone, by the name it was recorded under. */
  private async toolFilter(tool: string): Promise<{ toolId?: string; toolName?: string }> {
    const toolId = isId(tool) ? tool : await this.names.idOf(tool);
    if (toolId !== null) return { toolId };
    const [recorded, ...more] = await this.mcpLog.toolIdsNamed(tool);
    // Several tools had it, one after the other: none of their ids is all of it.
    return recorded !== undefined && more.length === 0 ? { toolId: recorded, toolName: tool } : { toolName: tool };
  }

  private async page<R extends { seq: number }, V>(
    log: string,
    query: LogQuery,
    toView: (row: R) => V,
    list: (after: number | undefined) => Promise<R[]>,
  ): Promise<Page<V>> {
    const name = `${log}:${query.order}`;
    const rows = await list(query.cursor === undefined ? undefined : decodeCursor(name, query.cursor, 'number'));
    const { items, nextCursor } = toPage(rows, query.limit, (row) => encodeCursor(name, row.seq));
    return { items: items.map(toView), nextCursor };
  }
}

function common({ from, to, search, order, limit }: LogQuery) {
  return { from, to, search, order, limit };
}
