import { Injectable } from '@nestjs/common';
import { OperationRepository } from '../audit/operation.repository';
import { SEVERITY } from '../common/app-logger';
import { isId } from '../common/ids';
import { decodeCursor, encodeCursor, type Page, toPage } from '../common/pagination';
import { toMcpLogView, toOperationView, toSystemLogView } from './log-views';
import type {
  LogQuery,
  McpLogEntryView,
  McpLogQuery,
  OperationQuery,
  OperationView,
  SystemLogEntryView,
  SystemLogQuery,
} from './logs.dto';
import { McpLogRepository } from './mcp-log.repository';
import { Recorder } from './recorder.service';
import { SystemLogRepository } from './system-log.repository';
import { SystemLogWriter } from './system-log.writer';

/** Reads the three logs, page by page. What was said before a question is in its answer. */
@Injectable()
export class LogsService {
  constructor(
    private readonly systemLog: SystemLogRepository,
    private readonly operations: OperationRepository,
    private readonly mcpLog: McpLogRepository,
    private readonly recorder: Recorder,
    private readonly systemWriter: SystemLogWriter,
  ) {}

  async system(query: SystemLogQuery): Promise<Page<SystemLogEntryView>> {
    await this.systemWriter.settled();
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
    await this.recorder.settled();
    const { tool, sessionId, direction, kind, method, target, minDurationMs } = query;
    const byTool = tool === undefined ? {} : isId(tool) ? { toolId: tool } : { toolName: tool };
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
