import { BatchIds } from '../common/ids';
import { HINT, type Hint, hintOf, type ScannedMemory, scannedMemory } from '../common/secret-hints';
import type { RpcId } from '../mcp/json-rpc.types';
import type { TrafficRecord } from '../mcp/traffic';
import type { CarriedPayload } from './payload-cap';
import { encodingOf } from './text-width';

/** Most messages of a batch. */
export const BATCH_ROWS = 2_000;

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
  const reader = new BatchReader(batch);
  const contexts = readContexts(batch.contexts, contextOf);
  const ids = new BatchIds(batch.idTail);
  const read: R[] = [];
  for (let row = 0; row < reader.count; row++) {
    const context = contexts[reader.context(row)];
    if (context === undefined) throw new Error('A message of a batch has no context');
    const at = reader.at(row);
    const durationMs = reader.durationMs(row);
    const message: ReadMessage<C> = {
      id: ids.of(at, batch.firstId + row),
      at,
      context,
      rpcId: reader.rpcId(row),
      durationMs: Number.isNaN(durationMs) ? null : durationMs,
      sizeBytes: reader.sizeBytes(row),
      payload: reader.payload(row),
    };
    read.push(use(message));
  }
  return read;
}

/** Reads single values of messages, each by its place. */
export class BatchReader {
  readonly count: number;
  /** The memory of the batch as bytes. */
  readonly bytes: Buffer;
  private readonly figures: Float64Array;
  private readonly scanned: ScannedMemory;
  private nextRpcId = 0;

  constructor(private readonly batch: MessageBatch) {
    this.count = batch.count;
    this.figures = new Float64Array(batch.memory, 0, batch.count * FIGURES);
    this.bytes = Buffer.from(batch.memory);
    this.scanned = scannedMemory(this.bytes);
  }

  at(row: number): number {
    return this.figures[row * FIGURES + FIGURE.at] ?? 0;
  }

  /** NaN: it has none. */
  durationMs(row: number): number {
    return this.figures[row * FIGURES + FIGURE.durationMs] ?? NaN;
  }

  sizeBytes(row: number): number {
    return this.figures[row * FIGURES + FIGURE.sizeBytes] ?? 0;
  }

  /** Place of what it has in common with others, among the contexts. */
  context(row: number): number {
    return this.whole(row, FIGURE.context);
  }

  /** To be asked of one message after the other, once: ids that are no numbers stand in their order. */
  rpcId(row: number): RpcId | null {
    const number = this.figures[row * FIGURES + FIGURE.rpcId] ?? NaN;
    if (number !== Infinity) return Number.isNaN(number) ? null : number;
    return this.batch.rpcIds[this.nextRpcId++] ?? null;
  }

  /** Bytes of a character of its payload, 1 (Latin-1) or 2; 0: it has none. */
  width(row: number): number {
    return this.whole(row, FIGURE.width);
  }

  /** Where its payload begins, in bytes. */
  start(row: number): number {
    return this.whole(row, FIGURE.start);
  }

  /** Where the head of its payload ends, or all of it if it has no tail. */
  headEnd(row: number): number {
    return this.whole(row, FIGURE.headEnd);
  }

  /** Where its tail ends; 0: it has none. */
  tailEnd(row: number): number {
    return this.whole(row, FIGURE.tailEnd);
  }

  payload(row: number): ReadPayload | null {
    return this.width(row) === 0 ? null : this.text(row, this.hint(row));
  }

  /** What the look of a payload's head says, as far as that is known without reading it as a text. */
  hint(row: number): Hint {
    return this.width(row) === 1 ? hintOf(this.scanned, this.start(row), this.headEnd(row)) : HINT.secret;
  }

  /** The payload of a message that has one. */
  text(row: number, hint: Hint): ReadPayload {
    const encoding = encodingOf(this.width(row) === 1 ? 1 : 2);
    const headEnd = this.headEnd(row);
    const tailEnd = this.tailEnd(row);
    return {
      head: this.bytes.toString(encoding, this.start(row), headEnd),
      tail: tailEnd === 0 ? null : this.bytes.toString(encoding, headEnd, tailEnd),
      isPlain: hint !== HINT.secret,
    };
  }

  /** As an integer also to V8: with a double as its index, a loop over bytes takes twice as long. */
  private whole(row: number, figure: number): number {
    return (this.figures[row * FIGURES + figure] ?? 0) | 0;
  }
}

/** What messages of a batch have in common, one after the other. */
export function readContexts<C>(values: readonly (string | null)[], contextOf: ContextOf<C>): C[] {
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
