import { BatchIds } from '../common/ids';
import { mayBeSecret } from '../common/secret-hints';
import type { RpcId } from '../mcp/json-rpc.types';
import type { TrafficRecord } from '../mcp/traffic';
import type { CarriedPayload } from './payload-cap';

/** Most messages of a batch. */
export const BATCH_ROWS = 1_000;

/** What stands of each message in the numbers of a batch, in this order. */
export const FIGURE = {
  at: 0,
  /** Which of the contexts it has. */
  context: 1,
  /** NaN: null. */
  durationMs: 2,
  sizeBytes: 3,
  /** NaN: null; Infinity: the next of `rpcIds`. */
  rpcId: 4,
  /** Bytes of a character of the payload, 1 (Latin-1) or 2 (UTF-16); 0: there is none. */
  width: 5,
  /** Where the payload begins, its head ends, and its tail, in bytes; 0: there is no tail. */
  start: 6,
  headEnd: 7,
  tailEnd: 8,
} as const;
export const FIGURES = 9;
/** The numbers come first, the payloads behind them. */
export const PAYLOADS_AT = BATCH_ROWS * FIGURES * Float64Array.BYTES_PER_ELEMENT;

/** What many messages have in common, by the place of each value in `contexts`. */
export const CONTEXT = {
  toolId: 0,
  toolName: 1,
  sessionId: 2,
  client: 3,
  direction: 4,
  kind: 5,
  method: 6,
  target: 7,
  outcome: 8,
} as const;
export const CONTEXT_VALUES = 9;

/**
 * A batch on its way to the writer's thread. Nothing of the many values and texts is copied there or garbage here: they are
 * in memory that both threads see, which the writer only reads, and which is filled anew once the batch is out of our hands.
 */
export interface MessageBatch {
  memory: SharedArrayBuffer;
  count: number;
  /** The values of one context after the other. */
  contexts: (string | null)[];
  /** Ids of requests that are no finite numbers, in the order of their messages. */
  rpcIds: RpcId[];
  /** Of what ids of messages are made (BatchIds): the same however often the batch is handed over. */
  idTail: string;
  firstId: number;
}

/** What messages have in common, as it is stored; made once for all that have it. */
export type ContextOf<C> = (context: Pick<TrafficRecord, keyof typeof CONTEXT>) => C;

/** A message of a batch, read. */
export interface ReadMessage<C> {
  id: string;
  at: number;
  context: C;
  rpcId: RpcId | null;
  durationMs: number | null;
  sizeBytes: number;
  payload: ReadPayload | null;
}

export interface ReadPayload extends CarriedPayload {
  /** Whether it has no NUL and nothing that is secret by its look: known, where it is, without reading it as a text. */
  isPlain: boolean;
}

/** The messages of a batch, in their order. `contextOf` makes of a context what all its messages share. */
export function readBatch<C, R>(
  batch: MessageBatch,
  contextOf: ContextOf<C>,
  use: (message: ReadMessage<C>) => R,
): R[] {
  const { count, memory, rpcIds, firstId } = batch;
  const figures = new Float64Array(memory, 0, count * FIGURES);
  const bytes = Buffer.from(memory);
  const contexts = readContexts(batch.contexts, contextOf);
  const ids = new BatchIds(batch.idTail);
  const read: R[] = [];
  let nextRpcId = 0;
  for (let row = 0; row < count; row++) {
    const first = row * FIGURES;
    const context = contexts[wholeAt(figures, first + FIGURE.context)];
    if (context === undefined) throw new Error('A message of a batch has no context');
    const at = figures[first + FIGURE.at] ?? 0;
    const rpcId = figures[first + FIGURE.rpcId] ?? NaN;
    const durationMs = figures[first + FIGURE.durationMs] ?? NaN;
    const message: ReadMessage<C> = {
      id: ids.of(at, firstId + row),
      at,
      context,
      rpcId: Number.isNaN(rpcId) ? null : rpcId === Infinity ? (rpcIds[nextRpcId++] ?? null) : rpcId,
      durationMs: Number.isNaN(durationMs) ? null : durationMs,
      sizeBytes: figures[first + FIGURE.sizeBytes] ?? 0,
      payload: readPayload(bytes, figures, first),
    };
    read.push(use(message));
  }
  return read;
}

function readContexts<C>(values: readonly (string | null)[], contextOf: ContextOf<C>): C[] {
  const contexts: C[] = [];
  for (let start = 0; start < values.length; start += CONTEXT_VALUES) {
    const of = (place: number) => values[start + place] ?? null;
    contexts.push(
      contextOf({
        toolId: String(of(CONTEXT.toolId)),
        toolName: String(of(CONTEXT.toolName)),
        sessionId: of(CONTEXT.sessionId),
        client: of(CONTEXT.client),
        direction: of(CONTEXT.direction) as TrafficRecord['direction'],
        kind: of(CONTEXT.kind) as TrafficRecord['kind'],
        method: of(CONTEXT.method),
        target: of(CONTEXT.target),
        outcome: of(CONTEXT.outcome) as TrafficRecord['outcome'],
      }),
    );
  }
  return contexts;
}

function readPayload(bytes: Buffer, figures: Float64Array, first: number): ReadPayload | null {
  const width = wholeAt(figures, first + FIGURE.width);
  if (width === 0) return null;
  const start = wholeAt(figures, first + FIGURE.start);
  const headEnd = wholeAt(figures, first + FIGURE.headEnd);
  const tailEnd = wholeAt(figures, first + FIGURE.tailEnd);
  const encoding = width === 1 ? 'latin1' : 'utf16le';
  return {
    head: bytes.toString(encoding, start, headEnd),
    tail: tailEnd === 0 ? null : bytes.toString(encoding, headEnd, tailEnd),
    isPlain: width === 1 && !mayBeSecret(bytes, start, headEnd),
  };
}

/** As an integer also to V8: with a double as its index, a loop over bytes takes twice as long. */
function wholeAt(figures: Float64Array, place: number): number {
  return (figures[place] ?? 0) | 0;
}
