import type { ChunkQuery } from '../database/chunk-query';
import { type Condition, condition } from '../database/log-query';
import { COMMON_METHOD, KEY, RARE_KINDS, SLOW_MS } from '../database/chunk-keys';
import { joined } from './message-statements';

/**
 * The messages of each chunk `c` that are asked for by JSON (a `ChunkQuery`), as `m`. They come in the order of their numbers
 * where the chunks do (`ORDER BY c.first`, and `order` for those of a chunk): an order by `m.seq` would sort them all.
 */
export function messagesOfChunks(query: ChunkQuery): string {
  return `mcp_chunk AS c NOT INDEXED ${messagesOf(query)}`;
}

/** The same for chunks that have a key `k`: in their order as well, where the key is one. */
export function messagesOfKey(query: ChunkQuery): string {
  return `mcp_chunk_key AS k CROSS JOIN mcp_chunk AS c NOT INDEXED ON c.first = k.first ${messagesOf(query)}`;
}

/** Payloads are most of a chunk, so they are read only where they are asked for. */
function messagesOf({ payload, search }: ChunkQuery): string {
  const payloads = payload === false && search === undefined ? `x''` : 'c.payloads';
  return `CROSS JOIN mcp_rows(c.first, c.head, c.cells, ${payloads}, ?) AS m`;
}

/** So many tools are looked for in the keys; unpacking the chunks costs less than looking for more. */
const MOST_TOOLS = 20;
const BACK = `COALESCE((SELECT back_ms FROM log_clock WHERE log = 'mcp_log'), 0)`;

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

/** What else can be told of a chunk by what stands before its messages. */
export function chunkConditions({ first, from, to, minDurationMs }: ChunkQuery): Condition[] {
  return [
    ...(first === undefined ? [] : [condition('c.last >= ?', first)]),
    ...(from === undefined ? [] : [condition('c.max_at >= ?', from)]),
    ...(to === undefined ? [] : [condition('c.min_at < ?', to)]),
    ...(minDurationMs === undefined ? [] : [condition('c.max_ms >= ?', minDurationMs)]),
  ];
}

/**
 * What is told of a chunk by its keys, and then by a look into it. By a CASE: SQLite would look first, which takes fifty
 * times as long.
 */
export function insideConditions(query: ChunkQuery, keys: readonly string[]): Condition[] {
  const { toolId, toolName, scope, sessionId, direction, kinds, method, target } = query;
  if (scope?.length === 0) return [condition('1 = 0')];
  const values = [toolId, toolName, scope, sessionId, direction, kinds, method, target];
  if (values.every((value) => value === undefined)) return [];
  const cells = query.minDurationMs === undefined ? `x''` : 'c.cells';
  const has = condition(`mcp_has(c.head, ${cells}, ?)`, JSON.stringify(query));
  const ofScope = scope === undefined || scope.length > MOST_TOOLS ? [] : [hasKey(scope.map(KEY.tool))];
  const exists = [...keys.map((key) => hasKey([key])), ...ofScope];
  if (exists.length === 0) return [has];
  const { sql, values: given } = joined(exists);
  return [condition(`CASE WHEN ${sql} THEN ${has.sql} END`, ...given, ...has.values)];
}

/** The keys of the chunks that may have what is asked for, most telling first. */
export function keysOf({ sessionId, target, method, kinds, toolId, minDurationMs = 0 }: ChunkQuery): string[] {
  const slow = SLOW_MS.findLast((ms) => ms <= minDurationMs);
  const [kind, ...more] = kinds ?? [];
  return [
    ...(typeof sessionId === 'string' ? [KEY.session(sessionId)] : []),
    ...(target === undefined ? [] : [KEY.target(target)]),
    ...(method === undefined || method === COMMON_METHOD ? [] : [KEY.method(method)]),
    ...(kind !== undefined && more.length === 0 && RARE_KINDS.has(kind) ? [KEY.kind(kind)] : []),
    ...(slow === undefined ? [] : [KEY.slow(slow)]),
    ...(toolId === undefined ? [] : [KEY.tool(toolId)]),
  ];
}

/** Whether a chunk has one of some keys. */
function hasKey(keys: readonly string[]): Condition {
  const places = keys.map(() => '?').join(', ');
  return condition(
    `EXISTS (SELECT 1 FROM mcp_chunk_key AS h WHERE h.key IN (${places}) AND h.first = c.first)`,
    ...keys,
  );
}
