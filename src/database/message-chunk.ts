import { timePart } from '../common/ids';
import { contextOf, ID_LENGTH, ID_TAIL_FROM, MADE_ID, type MessageValues, OF } from './message-columns';

/** Messages of one chunk at most, and characters of their payloads: what a page has to unpack to show one of them. */
const MOST_ROWS = 512;
const MOST_CHARACTERS = 512 * 1024;
/** Larger than this a scratch buffer is not kept. */
const SCRATCH_BYTES = 1024 * 1024;

/** Numbers of a message in `cells`, eight bytes each. */
export const CELL = {
  offset: 0,
  at: 1,
  context: 2,
  durationMs: 3,
  sizeBytes: 4,
  rpcId: 5,
  payloadEnd: 6,
  mark: 7,
} as const;
export const CELLS = 8;
/** `mark`: whether the message is cut, which of `tails` its id ends with (0: the id is in `ids`), and its count there. */
export const MARK = { truncated: 1, payload: 2, count: 4, tail: 4 * 4096 } as const;

/** What the messages of a chunk have in common, and what finds no place in numbers. */
export interface ChunkHead {
  /** Tool, session, client, direction, kind, method, target, outcome: most messages share theirs with others. */
  contexts: (string | null)[][];
  tails: string[];
  /** By the place in the chunk. */
  ids: Record<number, string>;
  rpcIds: Record<number, string>;
}

/** Some messages that follow each other, as one row of SQLite. The buffers hold until the next chunk is packed. */
export interface PackedChunk {
  first: number;
  last: number;
  rows: number;
  minAt: number;
  maxAt: number;
  /** The longest duration; null where none has one. */
  maxMs: number | null;
  head: string;
  cells: Buffer;
  payloads: Buffer;
  /** By what the chunk is found: see `chunkKeys`. */
  keys: string[];
}

/** A message with its number. */
export interface NumberedMessage {
  seq: number;
  values: MessageValues;
}

let scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
const scratchCells = new Float64Array(MOST_ROWS * CELLS);

/**
 * Packs messages into as few chunks as their size allows: a row of its own for each message costs SQLite ten times as much.
 * Their numbers must rise. @throws InvalidMessageError
 */
export function* packChunks(messages: readonly NumberedMessage[]): Generator<PackedChunk> {
  let start = 0;
  while (start < messages.length) {
    let end = start;
    for (let characters = 0; end < messages.length && end - start < MOST_ROWS && characters < MOST_CHARACTERS; end++) {
      characters += lengthOf(messages[end]?.values[OF.payload]);
    }
    yield pack(messages, start, end);
    start = end;
  }
}

/** A message that lacks what every message has: none that was packed by us. */
export class InvalidMessageError extends Error {
  /** As SQLite calls a value of the wrong type. */
  readonly code = 'SQLITE_MISMATCH';
}

function pack(messages: readonly NumberedMessage[], start: number, end: number): PackedChunk {
  const packing = new Packing(messages[start]?.seq ?? 0);
  let characters = 0;
  for (let place = start; place < end; place++) characters += lengthOf(messages[place]?.values[OF.payload]);
  // UTF-8 has three bytes for a UTF-16 unit at most.
  if (scratch.length < characters * 3) scratch = Buffer.allocUnsafe(characters * 3);
  for (let place = start; place < end; place++) {
    const message = messages[place];
    if (message) packing.add(message);
  }
  const packed = packing.finish();
  if (scratch.length > SCRATCH_BYTES) scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  return packed;
}

class Packing {
  private readonly head: ChunkHead = { contexts: [], tails: [''], ids: {}, rpcIds: {} };
  /** Contexts by the session, the part that differs most. */
  private readonly found = new Map<string | null, number[]>();
  private rows = 0;
  private bytes = 0;
  private last: number;
  private minAt = Infinity;
  private maxAt = -Infinity;
  private maxMs: number | null = null;
  private tail = 0;
  private tailText = '';
  private timeAt = NaN;
  private time = '';

  constructor(private readonly first: number) {
    this.last = first;
  }

  add({ seq, values }: NumberedMessage): void {
    const at = values[OF.at];
    const sizeBytes = values[OF.sizeBytes];
    const durationMs = values[OF.durationMs];
    if (typeof at !== 'number' || typeof sizeBytes !== 'number') {
      throw new InvalidMessageError('A message has no time or no size');
    }
    const cell = this.rows * CELLS;
    const cells = scratchCells;
    cells[cell + CELL.offset] = seq - this.first;
    cells[cell + CELL.at] = at;
    cells[cell + CELL.context] = this.context(values);
    cells[cell + CELL.durationMs] = typeof durationMs === 'number' ? durationMs : NaN;
    cells[cell + CELL.sizeBytes] = sizeBytes;
    cells[cell + CELL.rpcId] = this.rpcId(values[OF.rpcId]);
    const payload = values[OF.payload];
    if (typeof payload === 'string') this.bytes += scratch.write(payload, this.bytes);
    cells[cell + CELL.payloadEnd] = this.bytes;
    cells[cell + CELL.mark] =
      (typeof payload === 'string' ? MARK.payload : 0) +
      (values[OF.truncated] === 1 ? MARK.truncated : 0) +
      this.id(values[OF.id], at);
    this.rows++;
    this.last = seq;
    this.minAt = Math.min(this.minAt, at);
    this.maxAt = Math.max(this.maxAt, at);
    if (typeof durationMs === 'number') this.maxMs = Math.max(this.maxMs ?? -Infinity, durationMs);
  }

  finish(): PackedChunk {
    const { first, last, rows, minAt, maxAt, maxMs, head } = this;
    return {
      first,
      last,
      rows,
      minAt,
      maxAt,
      maxMs,
      head: JSON.stringify(head),
      cells: Buffer.from(scratchCells.buffer, 0, rows * CELLS * 8),
      payloads: scratch.subarray(0, this.bytes),
      keys: chunkKeys(head, maxMs),
    };
  }

  private context(values: MessageValues): number {
    const session = values[OF.sessionId];
    if (typeof session !== 'string' && session !== null) throw new InvalidMessageError('A message has a wrong session');
    let known = this.found.get(session);
    if (known === undefined) this.found.set(session, (known = []));
    for (const number of known) {
      if (isSame(this.head.contexts[number], values)) return number;
    }
    const context = contextOf(values);
    if (context === null) throw new InvalidMessageError('A message lacks its tool, direction or kind');
    known.push(this.head.contexts.length);
    return this.head.contexts.push(context) - 1;
  }

  private rpcId(text: MessageValues[number] | undefined): number {
    if (typeof text !== 'string') return NaN;
    const number = Number(text);
    if (String(number) === text) return number;
    this.head.rpcIds[this.rows] = text;
    return NaN;
  }

  /** Ids of a batch differ by their time and a count. */
  private id(id: MessageValues[number] | undefined, at: number): number {
    if (typeof id !== 'string') throw new InvalidMessageError('A message has no id');
    if (at !== this.timeAt) {
      this.timeAt = at;
      this.time = timePart(at);
    }
    const isOfBatch = this.tail !== 0 && id.length === ID_LENGTH && id.endsWith(this.tailText);
    if (!id.startsWith(this.time) || !(isOfBatch || MADE_ID.test(id))) {
      this.head.ids[this.rows] = id;
      return 0;
    }
    if (!isOfBatch) this.take(id.slice(ID_TAIL_FROM));
    return this.tail * MARK.tail + Number.parseInt(id.slice(ID_TAIL_FROM - 3, ID_TAIL_FROM), 16) * MARK.count;
  }

  private take(tail: string): void {
    const known = this.head.tails.indexOf(tail);
    this.tail = known === -1 ? this.head.tails.push(tail) - 1 : known;
    this.tailText = tail;
  }
}

/** What a chunk can be found by. Values that most messages have are none: they lead nowhere. */
export const KEY = {
  tool: (id: string) => `t:${id}`,
  session: (id: string) => `s:${id}`,
  target: (target: string) => `g:${target}`,
  method: (method: string) => `m:${method}`,
  kind: (kind: string) => `k:${kind}`,
  /** A duration of at least so many milliseconds: one of SLOW_MS. */
  slow: (ms: number) => `d:${ms}`,
  /** Messages of a batch that came twice, and those whose ids are not of a batch. */
  tail: (tail: string) => `b:${tail}`,
  id: (id: string) => `i:${id}`,
} as const;
export const COMMON_METHOD = 'tools/call';
/** Most calls are answered sooner than the first of these. */
export const SLOW_MS = [10, 100, 1_000, 10_000] as const;
export const RARE_KINDS: ReadonlySet<string> = new Set(['error', 'notification']);

/** The keys of a chunk that is stored. */
export function keysOfStored(head: string, maxMs: number | null): string[] {
  return chunkKeys(JSON.parse(head) as ChunkHead, maxMs);
}

function chunkKeys({ contexts, tails, ids }: ChunkHead, maxMs: number | null): string[] {
  const keys = new Set<string>();
  for (const [toolId, , session, , , kind, method, target] of contexts) {
    if (toolId) keys.add(KEY.tool(toolId));
    if (session) keys.add(KEY.session(session));
    if (target) keys.add(KEY.target(target));
    if (method && method !== COMMON_METHOD) keys.add(KEY.method(method));
    if (kind && RARE_KINDS.has(kind)) keys.add(KEY.kind(kind));
  }
  for (const tail of tails.slice(1)) keys.add(KEY.tail(tail));
  for (const id of Object.values(ids)) keys.add(KEY.id(id));
  for (const ms of SLOW_MS) if (maxMs !== null && maxMs >= ms) keys.add(KEY.slow(ms));
  return [...keys];
}

function isSame(context: (string | null)[] | undefined, values: MessageValues): boolean {
  if (context === undefined) return false;
  return (
    context[0] === values[OF.toolId] &&
    context[1] === values[OF.toolName] &&
    context[3] === values[OF.client] &&
    context[4] === values[OF.direction] &&
    context[5] === values[OF.kind] &&
    context[6] === values[OF.method] &&
    context[7] === values[OF.target] &&
    context[8] === values[OF.outcome]
  );
}

function lengthOf(payload: MessageValues[number] | undefined): number {
  return typeof payload === 'string' ? payload.length : 0;
}
