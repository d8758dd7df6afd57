import type { Database } from 'better-sqlite3';
import { timePart } from '../common/ids';
import type { ChunkQuery } from './chunk-query';
import { HeadLook, literal, numbersOf } from './head-look';
import { CELL, CELLS, type ChunkHead, MARK } from './chunk-format';
import { unpackPayloads } from './payload-block';
import { MESSAGE_COLUMNS } from './message-columns';

/** A message with `seq` before its values, as its columns have them. */
export type MessageRow = (string | number | null)[];

/** A chunk as it is stored. */
export interface StoredChunk {
  first: number;
  head: string;
  cells: Buffer;
  payloads: Buffer;
}

/** The messages of a chunk that are asked for. This runs for each message of a search: it makes nothing that is not. */
export function* rowsOfChunk({ first, head, cells, payloads }: StoredChunk, query: ChunkQuery): Generator<MessageRow> {
  const numbers = numbersOf(cells);
  const { search, payload: withPayload = true } = query;
  const unpack = () => unpackPayloads(payloads, payloadBytes(numbers));
  const searched = search === undefined ? null : unpack();
  const found = search === undefined ? null : placesOf(search, numbers, searched);
  if (found?.size === 0) return;
  const { contexts, tails, ids, rpcIds } = JSON.parse(head) as ChunkHead;
  const wanted = contexts.map((context) => isWanted(context, query));
  if (!wanted.includes(true)) return;
  const bytes = withPayload ? (searched ?? unpack()) : null;
  const { first: from = 0, last: to = Infinity, from: since = -Infinity, to: until = Infinity } = query;
  const { minDurationMs = null, rpcId: wantedRpcId = null, id: wantedId = null } = query;
  const rows = numbers.length / CELLS;
  const isDescending = query.order === 'desc';
  for (let step = 0; step < rows; step++) {
    const place = isDescending ? rows - 1 - step : step;
    const cell = place * CELLS;
    const context = numbers[cell + CELL.context] ?? NaN;
    if (wanted[context] !== true || (found !== null && !found.has(place))) continue;
    const seq = first + (numbers[cell + CELL.offset] ?? NaN);
    const at = numbers[cell + CELL.at] ?? NaN;
    if (seq < from || seq > to || at < since || at >= until) continue;
    const durationMs = numbers[cell + CELL.durationMs] ?? NaN;
    if (minDurationMs !== null && !(durationMs >= minDurationMs)) continue;
    const rpcNumber = numbers[cell + CELL.rpcId] ?? NaN;
    const rpcId = Number.isNaN(rpcNumber) ? (rpcIds[place] ?? null) : String(rpcNumber);
    if (wantedRpcId !== null && rpcId !== wantedRpcId) continue;
    const mark = numbers[cell + CELL.mark] ?? NaN;
    const tail = Math.floor(mark / MARK.tail);
    const id = tail === 0 ? (ids[place] ?? '') : madeId(at, mark, tails[tail] ?? '');
    if (wantedId !== null && id !== wantedId) continue;
    const begin = place === 0 ? 0 : (numbers[cell - CELLS + CELL.payloadEnd] ?? 0);
    const [toolId, toolName, sessionId, client, direction, kind, method, target, outcome] = contexts[context] ?? [];
    yield [
      seq,
      id,
      at,
      toolId ?? null,
      toolName ?? null,
      sessionId ?? null,
      client ?? null,
      direction ?? null,
      kind ?? null,
      method ?? null,
      target ?? null,
      rpcId,
      outcome ?? null,
      Number.isNaN(durationMs) ? null : durationMs,
      numbers[cell + CELL.sizeBytes] ?? null,
      mark & MARK.truncated,
      withPayload && (mark & MARK.payload) !== 0
        ? (bytes?.toString('utf8', begin, numbers[cell + CELL.payloadEnd]) ?? null)
        : null,
    ];
  }
}

/**
 * Makes the messages of chunks a table of this connection: `mcp_rows(first, head, cells, payloads, query)`, to be joined
 * behind `mcp_chunk`, and `mcp_has(head, cells, query)`, which tells many of those that have none before all of a chunk is read.
 * `look` is called for every chunk by both, and may throw to end the query.
 */
export function registerChunkRows(database: Database, look: () => void = () => undefined): void {
  let given = '{}';
  let query: ChunkQuery = {};
  let headLook = new HeadLook(query);
  const ask = (asked: string) => {
    look();
    if (asked === given) return;
    [given, query] = [asked, JSON.parse(asked) as ChunkQuery];
    headLook = new HeadLook(query);
  };
  database.function('mcp_has', { deterministic: true }, (head: unknown, cells: unknown, asked: unknown) => {
    ask(asked as string);
    return headLook.mayHave(head as string, cells as Buffer) ? 1 : 0;
  });
  database.table('mcp_rows', {
    columns: [...MESSAGE_COLUMNS],
    parameters: ['chunk_first', 'chunk_head', 'chunk_cells', 'chunk_payloads', 'chunk_query'],
    *rows(...parameters: unknown[]) {
      const [first, head, cells, payloads, asked] = parameters as [number, string, Buffer, Buffer, string];
      ask(asked);
      yield* rowsOfChunk({ first, head, cells, payloads }, query);
    },
  });
}

function payloadBytes(numbers: Float64Array): number {
  return numbers[numbers.length - CELLS + CELL.payloadEnd] ?? 0;
}

function madeId(at: number, mark: number, tail: string): string {
  const count = Math.floor((mark % MARK.tail) / MARK.count);
  return timePart(at) + count.toString(16).padStart(3, '0') + tail;
}

/**
 * The places of the messages that have a text: all payloads are looked through at once, which takes a third of the time of
 * one after the other. A byte is a letter here, so nothing but ASCII matches ASCII.
 */
function placesOf(search: string, numbers: Float64Array, payloads: Buffer | null): Set<number> {
  const found = new Set<number>();
  if (payloads === null) return found;
  const text = payloads.toString('latin1');
  const pattern = new RegExp(literal(search), 'gi');
  const endOf = (place: number) => numbers[place * CELLS + CELL.payloadEnd] ?? Infinity;
  for (let place = 0, hit = pattern.exec(text); hit !== null; hit = pattern.exec(text)) {
    while (endOf(place) <= hit.index) place++;
    const isWithin = hit.index + search.length <= endOf(place);
    if (isWithin) found.add(place);
    pattern.lastIndex = isWithin ? endOf(place) : hit.index + 1;
  }
  return found;
}

/** All messages as the view `mcp_log`, in the order of their numbers where nothing else is asked for. */
export const MESSAGES_VIEW = `CREATE TEMP VIEW mcp_log AS SELECT m.*
  FROM mcp_chunk AS c CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, '{}') AS m`;

function isWanted(context: (string | null)[], query: ChunkQuery): boolean {
  const [toolId = null, toolName, sessionId, , direction, kind = null, method, target] = context;
  return (
    (query.toolId === undefined || toolId === query.toolId) &&
    (query.toolName === undefined || toolName === query.toolName) &&
    (query.scope === undefined || (toolId !== null && query.scope.includes(toolId))) &&
    (query.sessionId === undefined || sessionId === query.sessionId) &&
    (query.direction === undefined || direction === query.direction) &&
    (query.kinds === undefined || (kind !== null && query.kinds.includes(kind))) &&
    (query.method === undefined || method === query.method) &&
    (query.target === undefined || target === query.target)
  );
}
