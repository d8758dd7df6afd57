import { type Condition, condition } from '../database/log-query';
import type { LogFilter } from '../database/log-reading';
import type { SqlValue, Statement } from '../database/reader';

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

/** An index that could lead to what a filter asks for, and what of the filter it answers. */
interface Candidate {
  index: string;
  conditions: Condition[];
  /** Whether its rows come in the order of `seq`, so that a page can be cut off early. */
  isOrdered: boolean;
}

/** Shorter calls, calls of MCP tools, and requests with their answers are in no index of their own: see the entity. */
const INDEXED_DURATION_MS = 10;
const COMMON_METHOD = 'tools/call';
const INDEXED_KINDS = new Set(['error', 'notification']);
/** A value with fewer rows than this is rare: all its rows may be looked at. */
const RARE = 2_000;

/**
 * The filters that have an index, most telling first. A partial index is used only where the query repeats its condition
 * word for word, so those stand here as text.
 */
export function indexedFilters(filter: McpLogFilter): Candidate[] {
  const { sessionId, target, method, kind, toolId, minDurationMs } = filter;
  const found: Candidate[] = [];
  const add = (index: string, ...conditions: Condition[]) => found.push({ index, conditions, isOrdered: true });
  if (sessionId !== undefined) add('ix_mcp_log_session_seq', condition('session_id = ?', sessionId));
  if (target !== undefined) add('ix_mcp_log_target_seq', condition('target = ?', target));
  if (method !== undefined && method !== COMMON_METHOD) {
    add('ix_mcp_log_method_seq', condition('method = ?', method), condition(`method <> '${COMMON_METHOD}'`));
  }
  if (kind !== undefined && INDEXED_KINDS.has(kind)) add('ix_mcp_log_kind_seq', condition(`kind = '${kind}'`));
  if (toolId !== undefined) add('ix_mcp_log_tool_seq', condition('tool_id = ?', toolId));
  if (minDurationMs !== undefined && minDurationMs >= INDEXED_DURATION_MS) {
    const conditions = [
      condition(`duration_ms >= ${INDEXED_DURATION_MS}`),
      condition('duration_ms >= ?', minDurationMs),
    ];
    found.push({ index: 'ix_mcp_log_duration_seq', conditions, isOrdered: false });
  }
  return found;
}

/** The filters that have none: most rows pass them, or another filter leads to the rows. */
export function plainFilters(filter: Partial<McpLogFilter>): Condition[] {
  const { toolName, direction, method, kind, minDurationMs, scope } = filter;
  return [
    // An empty scope is nothing, not everything.
    ...(scope === undefined ? [] : [within('tool_id', scope)]),
    ...(toolName === undefined ? [] : [condition('tool_name = ?', toolName)]),
    ...(direction === undefined ? [] : [condition('direction = ?', direction)]),
    ...(method === COMMON_METHOD ? [condition('method = ?', method)] : []),
    ...(kind !== undefined && !INDEXED_KINDS.has(kind) ? [condition('kind = ?', kind)] : []),
    ...(minDurationMs !== undefined && minDurationMs < INDEXED_DURATION_MS
      ? [condition('duration_ms >= ?', minDurationMs)]
      : []),
  ];
}

/** Counts the rows of each candidate, but no more than it takes to tell rare from common. */
export function probe(candidates: readonly Candidate[], range: readonly Condition[]): Statement {
  const values: SqlValue[] = [];
  const counts = candidates.map(({ index, conditions, isOrdered }, place) => {
    const all = [...conditions, ...(isOrdered ? range : [])];
    values.push(...all.flatMap((each) => each.values));
    const where = all.map(({ sql }) => sql).join(' AND ');
    return `(SELECT count(*) FROM (SELECT 1 FROM mcp_log INDEXED BY ${index} WHERE ${where} LIMIT ${RARE})) AS c${place}`;
  });
  return { sql: `SELECT ${counts.join(', ')}`, values };
}

/** The index of the rarest value; where none is rare, one in the order of the page; undefined: the table itself. */
export function pick(candidates: readonly Candidate[], counts: Record<string, unknown>): string | undefined {
  const counted = candidates.map((candidate, place) => ({ ...candidate, count: Number(counts[`c${place}`]) }));
  const rarest = counted.reduce((best, each) => (each.count < best.count ? each : best));
  if (rarest.count < RARE) return rarest.index;
  return counted.find(({ isOrdered }) => isOrdered)?.index;
}

function within(column: string, values: readonly string[]): Condition {
  return values.length === 0
    ? condition('1 = 0')
    : condition(`${column} IN (${values.map(() => '?').join(', ')})`, ...values);
}
