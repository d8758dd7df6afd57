import { Injectable } from '@nestjs/common';
import { OperationListRepository } from '../audit/operation-list.repository';
import { isId } from '../common/ids';
import { decodeCursor, encodeCursor, type Page, toPage } from '../common/pagination';
import { LogFilters } from './log-filters';
import { LogSettling } from './log-settling';
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
import { McpLogRepository } from './mcp-log.repository';
import { SystemLogRepository } from './system-log.repository';

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
    private readonly filters: LogFilters,
  ) {}

  async system(query: SystemLogQuery): Promise<Page<SystemLogEntryView>> {
    await this.settling.system();
    const filter = this.filters.system(query);
    return this.page('system', query, toSystemLogView, (keyset) => this.systemLog.list({ ...filter, ...keyset }));
  }

  async operationPage(query: OperationQuery): Promise<Page<OperationView>> {
    const filter = this.filters.operations(query);
    return this.page('operations', query, toOperationView, (keyset) => this.operations.list({ ...filter, ...keyset }));
  }

  /** `scope`: ids of the only tools whose messages the caller may see; null: all. */
  async mcp(query: McpLogQuery, scope: ReadonlySet<string> | null): Promise<Page<McpLogEntryView>> {
    await this.settling.mcp();
    const filter = await this.filters.mcp(query, scope);
    return this.page('mcp', query, toMcpLogView, (keyset) => this.mcpLog.list({ ...filter, ...keyset }));
  }

  /**
   * One message, the other half of its exchange, and what passed just before and after. One of a tool outside of the scope
   * is not there. @throws LogEntryNotFoundError
   */
  async mcpEntry(id: string, scope: ReadonlySet<string> | null): Promise<McpLogDetailView> {
    await this.settling.mcp();
    const row = isId(id) ? await this.mcpLog.findById(id) : null;
    if (row === null || (scope !== null && !scope.has(row.toolId))) throw new LogEntryNotFoundError(id);
    const [pair, neighbours] = await Promise.all([
      this.mcpLog.findPair(row),
      this.mcpLog.neighbours(row, NEIGHBOURS, scope === null ? undefined : [...scope]),
    ]);
    return toMcpLogDetailView(row, pair, neighbours);
  }

  private async page<R extends { seq: number }, V>(
    log: string,
    query: LogQuery,
    toView: (row: R) => V,
    list: (keyset: { after: number | undefined; limit: number }) => Promise<R[]>,
  ): Promise<Page<V>> {
    const name = `${log}:${query.order}`;
    const after = query.cursor === undefined ? undefined : decodeCursor(name, query.cursor, 'number');
    const rows = await list({ after, limit: query.limit });
    const { items, nextCursor } = toPage(rows, query.limit, (row) => encodeCursor(name, row.seq));
    return { items: items.map(toView), nextCursor };
  }
}
