import { newIdTail } from '../common/ids';
import type { TrafficRecord } from '../mcp/traffic';
import { encodingOf, type Width } from './text-width';
import type { MessageContext, MessageContexts } from './message-contexts';
import { BATCH_ROWS, CONTEXT_VALUES, CONTEXT, FIGURE, FIGURES, type MessageBatch, PAYLOADS_AT } from './message-batch';

/** What a message costs beside its payload: most of it if its context is its own. */
export const MESSAGE_BYTES = 400;

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
  /** Number of the batch that it is. */
  private number: number;
  private rpcIds: MessageBatch['rpcIds'] = [];
  private idTail = newIdTail();

  /** `firstId`: the count that its first id has. `known`: what messages have in common, of all batches of a queue. */
  constructor(
    readonly payloadBytes: number,
    private readonly known: MessageContexts,
    private firstId = 0,
  ) {
    this.number = known.nextBatch();
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
    this.number = this.known.nextBatch();
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
    const encoding = encodingOf(width);
    const start = this.end + (width === 2 ? this.end % 2 : 0);
    const headEnd = start + this.bytes.write(head, start, encoding);
    this.end = tail === null ? headEnd : headEnd + this.bytes.write(tail, headEnd, encoding);
    this.figures[row + FIGURE.width] = width;
    this.figures[row + FIGURE.start] = start;
    this.figures[row + FIGURE.headEnd] = headEnd;
    this.figures[row + FIGURE.tailEnd] = tail === null ? 0 : this.end;
  }

  private contextOf(record: TrafficRecord): number {
    const known = this.known.of(record);
    if (known.batch !== this.number) {
      known.batch = this.number;
      known.place = this.contextsEnd / CONTEXT_VALUES;
      this.list(known.context);
    }
    return known.place;
  }

  private list(context: MessageContext): void {
    this.addValue(context.toolId);
    this.addValue(context.toolName);
    this.addValue(context.sessionId);
    this.addValue(context.client);
    this.addValue(context.direction);
    this.addValue(context.kind);
    this.addValue(context.method);
    this.addValue(context.target);
    this.addValue(context.outcome);
  }

  private addValue(value: string | null): void {
    this.contexts[this.contextsEnd] = value;
    this.contextsEnd += 1;
  }
}
