import type { ChunkQuery } from '../database/chunk-rows';
import { type Condition, condition } from '../database/log-query';
import { COMMON_METHOD, KEY, RARE_KINDS } from '../database/message-chunk';

/**
 * The messages of each chunk `c` that are asked for by JSON (a `ChunkQuery`), as `m`. They come in the order of their numbers
 * where the chunks do (`ORDER BY c.first`, and `order` for those of a chunk): an order by `m.seq` would sort them all.
 */
export const MESSAGES_OF_CHUNKS = `mcp_chunk AS c NOT INDEXED ${messagesOf('?')}`;
/** The same for chunks that have a key `k`: in their order as well, where the key is one. */
export const MESSAGES_OF_KEY = `mcp_chunk_key AS k CROSS JOIN mcp_chunk AS c NOT INDEXED ON c.first = k.first ${messagesOf('?')}`;
/** So many tools are looked for in the keys; unpacking the chunks costs less than looking for more. */
const MOST_TOOLS = 20;
const BACK = `COALESCE((SELECT back_ms FROM log_clock WHERE log = 'mcp_log'), 0)`;

export function messagesOf(query: string): string {
  return `CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, ${query}) AS m`;
}

/**
 * Which chunks may have messages of a time or of some numbers, by the number of their first one (the column `first`), for a
 * seek. Messages come in the order of time but for a clock that goes back; how far it ever went is in `log_clock`. A chunk
 * that ends before `from` by more than that is before all messages of the time, and one that begins after `to` by more than
 * that behind them.
 */
export function chunkRange({ first, last, from, to }: ChunkQuery, column = 'c.first'): Condition[] {
  const before = `SELECT first FROM mcp_chunk WHERE max_at < ? - ${BACK} ORDER BY max_at DESC, first DESC LIMIT 1`;
  const behind = `SELECT first FROM mcp_chunk WHERE min_at >= ? + ${BACK} ORDER BY min_at, first LIMIT 1`;
  return [
    // Chunks are disjoint, so what has a number is the last that begins before it; `last >= ?` would look at all of them.
    ...(first === undefined
      ? []
      : [condition(`${column} >= (SELECT COALESCE(max(first), 0) FROM mcp_chunk WHERE first <= ?)`, first)]),
    ...(last === undefined ? [] : [condition(`${column} <= ?`, last)]),
    ...(from === undefined ? [] : [condition(`${column} > COALESCE((${before}), 0)`, from)]),
    ...(to === undefined ? [] : [condition(`${column} < COALESCE((${behind}), ${Number.MAX_SAFE_INTEGER})`, to)]),
  ];
}

/** What else can be told of a chunk without unpacking it. */
export function chunkConditions({ first, from, to, minDurationMs, scope }: ChunkQuery): Condition[] {
  return [
    ...(first === undefined ? [] : [condition('c.last >= ?', first)]),
    ...(from === undefined ? [] : [condition('c.max_at >= ?', from)]),
    ...(to === undefined ? [] : [condition('c.min_at < ?', to)]),
    ...(minDurationMs === undefined ? [] : [condition('c.max_ms >= ?', minDurationMs)]),
    // An empty scope is nothing, not everything.
    ...(scope === undefined || scope.length > MOST_TOOLS ? [] : [hasKey(scope.map(KEY.tool))]),
  ];
}

/** The keys of the chunks that may have what is asked for, most telling first. */
export function keysOf({ sessionId, target, method, kinds, toolId }: ChunkQuery): string[] {
  const [kind, ...more] = kinds ?? [];
  return [
    ...(typeof sessionId === 'string' ? [KEY.session(sessionId)] : []),
    ...(target === undefined ? [] : [KEY.target(target)]),
    ...(method === undefined || method === COMMON_METHOD ? [] : [KEY.method(method)]),
    ...(kind !== undefined && more.length === 0 && RARE_KINDS.has(kind) ? [KEY.kind(kind)] : []),
    ...(toolId === undefined ? [] : [KEY.tool(toolId)]),
  ];
}

/** Whether a chunk has one of some keys. */
export function hasKey(keys: readonly string[]): Condition {
  if (keys.length === 0) return condition('1 = 0');
  const places = keys.map(() => '?').join(', ');
  return condition(
    `EXISTS (SELECT 1 FROM mcp_chunk_key AS h WHERE h.key IN (${places}) AND h.first = c.first)`,
    ...keys,
  );
}
