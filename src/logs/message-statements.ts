import type { Condition, SeqRange } from '../database/log-query';
import type { LogFilter } from '../database/log-reading';
import type { Statement } from '../database/reader';
import type { McpLogRow } from './mcp-log.entity';

export interface McpLogFilter extends LogFilter {
  toolId?: string;
  toolName?: string;
  sessionId?: string;
  direction?: string;
  kind?: string;
  method?: string;
  target?: string;
  minDurationMs?: number;
  /** Ids of the only tools whose rows are listed. */
  scope?: string[];
}

/** What came after a message, or before it, in the same session of a client; else at the tool itself. */
export interface Neighbours {
  row: McpLogRow;
  /** Descending: what came before. */
  order: 'asc' | 'desc';
  count: number;
  /** Of these tools alone. */
  scope?: string[];
}

/** How the log of MCP messages is asked: on PostgreSQL it has a row for each, on SQLite one for some hundred. */
export interface MessageStatements {
  /** In the order of `seq`; one more than `limit`. */
  page(filter: McpLogFilter): Promise<Statement>;
  /** The numbers of the first and the last message of a time, or of more than it; NULL: none. */
  bounds(range: { from?: number; to?: number }): Statement;
  /** Without their payloads, in the order of `seq`. */
  between(range: SeqRange): Statement;
  byId(id: string): Statement;
  /** The nearest message that could be the other half of an exchange. */
  pair(row: McpLogRow): Statement;
  neighbours(asked: Neighbours): Statement;
}

/** What the other half of a message is like. */
export function halfOf({ direction, kind }: McpLogRow): { order: 'asc' | 'desc'; direction: string; kinds: string[] } {
  const isRequest = kind === 'request';
  return {
    order: isRequest ? 'asc' : 'desc',
    direction: direction === 'to-server' ? 'from-server' : 'to-server',
    kinds: isRequest ? ['response', 'error'] : ['request'],
  };
}

/** All of them, as one. */
export function joined(all: readonly Condition[]): Condition {
  return { sql: all.map(({ sql }) => sql).join(' AND '), values: all.flatMap(({ values }) => values) };
}
