import { newIdTail } from '../common/ids';
import type { TrafficRecord } from '../mcp/traffic';
import { BATCH_ROWS, CONTEXT_VALUES, CONTEXT, FIGURE, FIGURES, type MessageBatch, PAYLOADS_AT } from './message-batch';

/** So many contexts of a session are looked at: most have a request's and an answer's. */
const LOOKED_AT = 8;

/** Sessions whose contexts are kept for the next batch. */
const MOST_SESSIONS = 1_000;

/** Contexts that messages of one session have, of a batch. */
interface SessionContexts {
  generation: number;
  contexts: number[];
  count: number;
}

/** What a message costs beside its payload: most of it if its context is its own. */
export const MESSAGE_BYTES = 400;

/** Answers at once for a text that V8 keeps with one byte a character; looks for the first other character in those with two. */
const WIDE = /[\u0100-\uffff]/;

/** Bytes of a character of a text. */
export type Width = 1 | 2;

export function widthOf(head: string, tail: string | null): Width {
  return WIDE.test(head) || (tail !== null && WIDE.test(tail)) ? 2 : 1;
}

/** A batch that is being filled, in memory of its own. */
export class MessageBuffer {
  private readonly memory: SharedArrayBuffer;
  private readonly figures: Float64Array;
  private readonly bytes: Buffer;
  private count = 0;
  /** Where the next payload goes. */
  private end = PAYLOADS_AT;
  /** Values of contexts, up to `contextsEnd`. Like the next one used again for each batch: what lives so long is never cheap. */
  private readonly contexts: (string | null)[] = [];
  private contextsEnd = 0;
  private ofSession = new Map<string | null, SessionContexts>();
  private generation = 0;
  private rpcIds: MessageBatch['rpcIds'] = [];
  private idTail = newIdTail();

  /** `firstId`: the count that its first id has. */
  constructor(
    readonly payloadBytes: number,
    private firstId = 0,
  ) {
    this.memory = new SharedArrayBuffer(PAYLOADS_AT + payloadBytes);
    this.figures = new Float64Array(this.memory, 0, BATCH_ROWS * FIGURES);
    this.bytes = Buffer.from(this.memory);
  }

  get length(): number {
    return this.count;
  }

  /** What its messages cost. */
  get size(): number {
    return this.count * MESSAGE_BYTES + this.end - PAYLOADS_AT;
  }

  hasRoom(payloadBytes: number): boolean {
    return this.count < BATCH_ROWS && this.end + payloadBytes <= this.bytes.length;
  }

  /** There must be room, for two-byte texts for a byte more. `head` is all of the payload where there is no `tail`. */
  add(record: TrafficRecord, head: string | null, tail: string | null, width: Width): void {
    const { figures } = this;
    const { rpcId } = record;
    const row = this.count * FIGURES;
    figures[row + FIGURE.at] = record.at;
    figures[row + FIGURE.context] = this.contextOf(record);
    figures[row + FIGURE.durationMs] = record.durationMs ?? NaN;
    figures[row + FIGURE.sizeBytes] = record.sizeBytes;
    if (typeof rpcId === 'number' && Number.isFinite(rpcId)) figures[row + FIGURE.rpcId] = rpcId;
    else if (rpcId === null) figures[row + FIGURE.rpcId] = NaN;
    else {
      figures[row + FIGURE.rpcId] = Infinity;
      this.rpcIds.push(rpcId);
    }
    if (head === null) figures[row + FIGURE.width] = 0;
    else this.put(row, head, tail, width);
    this.count++;
  }

  /** What is handed over; the same until it is emptied. */
  get batch(): MessageBatch {
    const { memory, count, rpcIds, idTail, firstId } = this;
    return { memory, count, contexts: this.contexts.slice(0, this.contextsEnd), rpcIds, idTail, firstId };
  }

  /** The memory may be filled again: nobody reads it any more. */
  empty(firstId: number): this {
    this.count = 0;
    this.end = PAYLOADS_AT;
    this.contextsEnd = 0;
    this.generation += 1;
    // Not emptied: V8 would leave the old table to point to the new one (ADR 47).
    if (this.ofSession.size > MOST_SESSIONS) this.ofSession = new Map();
    this.rpcIds = [];
    this.idTail = newIdTail();
    this.firstId = firstId;
    return this;
  }

  /** Whose each message is. */
  tell(told: (toolName: string, at: number) => void): void {
    for (let row = 0; row < this.count * FIGURES; row += FIGURES) {
      const context = (this.figures[row + FIGURE.context] ?? 0) * CONTEXT_VALUES;
      told(String(this.contexts[context + CONTEXT.toolName]), this.figures[row + FIGURE.at] ?? 0);
    }
  }

  private put(row: number, head: string, tail: string | null, width: Width): void {
    const encoding = width === 1 ? 'latin1' : 'utf16le';
    const start = this.end + (width === 2 ? this.end % 2 : 0);
    const headEnd = start + this.bytes.write(head, start, encoding);
    this.end = tail === null ? headEnd : headEnd + this.bytes.write(tail, headEnd, encoding);
    this.figures[row + FIGURE.width] = width;
    this.figures[row + FIGURE.start] = start;
    this.figures[row + FIGURE.headEnd] = headEnd;
    this.figures[row + FIGURE.tailEnd] = tail === null ? 0 : this.end;
  }

  private contextOf(record: TrafficRecord): number {
    const known = this.knownOf(record.sessionId);
    for (let n = known.count - 1, last = Math.max(0, n - LOOKED_AT); n >= last; n--) {
      const context = known.contexts[n] ?? 0;
      if (this.isContext(context * CONTEXT_VALUES, record)) return context;
    }
    const context = this.contextsEnd / CONTEXT_VALUES;
    this.addValue(record.toolId);
    this.addValue(record.toolName);
    this.addValue(record.sessionId);
    this.addValue(record.client);
    this.addValue(record.direction);
    this.addValue(record.kind);
    this.addValue(record.method);
    this.addValue(record.target);
    this.addValue(record.outcome);
    known.contexts[known.count] = context;
    known.count += 1;
    return context;
  }

  private addValue(value: string | null): void {
    this.contexts[this.contextsEnd] = value;
    this.contextsEnd += 1;
  }

  private knownOf(sessionId: string | null): SessionContexts {
    let known = this.ofSession.get(sessionId);
    if (known === undefined) {
      known = { generation: this.generation, contexts: [], count: 0 };
      this.ofSession.set(sessionId, known);
    } else if (known.generation !== this.generation) {
      known.generation = this.generation;
      known.count = 0;
    }
    return known;
  }

  /** Those of one session are compared. */
  private isContext(start: number, record: TrafficRecord): boolean {
    const { contexts } = this;
    return (
      contexts[start + CONTEXT.direction] === record.direction &&
      contexts[start + CONTEXT.kind] === record.kind &&
      contexts[start + CONTEXT.outcome] === record.outcome &&
      contexts[start + CONTEXT.method] === record.method &&
      contexts[start + CONTEXT.target] === record.target &&
      contexts[start + CONTEXT.toolId] === record.toolId &&
      contexts[start + CONTEXT.toolName] === record.toolName &&
      contexts[start + CONTEXT.client] === record.client
    );
  }
}
