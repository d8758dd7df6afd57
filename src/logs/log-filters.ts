import { Injectable } from '@nestjs/common';
import type { OperationFilter } from '../audit/operation-list.repository';
import { SEVERITY } from '../common/app-logger';
import { isId } from '../common/ids';
import type { LogQuery, McpLogQuery, OperationQuery, SystemLogQuery } from './logs.dto';
import type { McpLogFilter } from './message-statements';
import { McpLogRepository } from './mcp-log.repository';
import type { SystemLogFilter } from './system-log.repository';
import { ToolNames } from './tool-names';

/** What a list and an export are asked for in the same words. */
type Asked<Q extends LogQuery> = Omit<Q, 'limit' | 'cursor'>;

/** Reads what is asked for as what the repositories look for. */
@Injectable()
export class LogFilters {
  constructor(
    private readonly mcpLog: McpLogRepository,
    private readonly names: ToolNames,
  ) {}

  system(query: Asked<SystemLogQuery>): Omit<SystemLogFilter, 'limit'> {
    const { level, context } = query;
    return { ...common(query), ...(level === undefined ? {} : { minSeverity: SEVERITY[level] }), context };
  }

  operations(query: Asked<OperationQuery>): Omit<OperationFilter, 'limit'> {
    const { actor, action, targetId, outcome } = query;
    return { ...common(query), actor, action, targetId, outcome };
  }

  /** `scope`: ids of the only tools whose messages the caller may see; null: all. */
  async mcp(query: Asked<McpLogQuery>, scope: ReadonlySet<string> | null): Promise<Omit<McpLogFilter, 'limit'>> {
    const { tool, sessionId, direction, kind, method, target, minDurationMs } = query;
    const byTool = tool === undefined ? {} : await this.byTool(tool);
    return {
      ...common(query),
      ...byTool,
      ...(scope === null ? {} : { scope: [...scope] }),
      sessionId,
      direction,
      kind,
      method,
      target,
      minDurationMs,
    };
  }

  /** A tool that has the name now, with all it was recorded as; else one that is gone, by the name it was recorded under. */
  private async byTool(tool: string): Promise<{ toolId?: string; toolName?: string }> {
    const toolId = isId(tool) ? tool : await this.names.idOf(tool);
    if (toolId !== null) return { toolId };
    const [recorded, ...more] = await this.mcpLog.toolIdsNamed(tool);
    // Several tools had it, one after the other: none of their ids is all of it.
    return recorded !== undefined && more.length === 0 ? { toolId: recorded, toolName: tool } : { toolName: tool };
  }
}

function common({ from, to, search, order }: Asked<LogQuery>) {
  return { from, to, search, order };
}
