import type { TrafficRecord } from '../mcp/traffic';
import { BatchDrain } from './batch-drain';
import { BATCH_ROWS, type MessageBatch } from './message-batch';
import { MessageContexts } from './message-contexts';
import { MESSAGE_BYTES, MessageBuffer } from './message-buffer';
import { widthOf } from './text-width';

interface MessageQueueOptions {
  /** Hands a batch over; rejects if nothing of it was taken. `behind`: how many wait behind it. */
  write: (batch: MessageBatch, behind: number) => Promise<void>;
  /** Told of each message that is given up, or of which only the payload is. */
  onLost: (toolName: string, at: number, what: 'record' | 'payload') => void;
  /** Told of the first failure and of the recovery, not of each try. */
  onTrouble: (error: unknown) => void;
  maxEntries: number;
  maxBytes: number;
  /** What is above this is for messages without their payloads. */
  maxPayloadBytes: number;
}

/** A transaction of many messages costs less for each: at 500 half as much again as at 2,000. */
const BATCH = { batchSize: BATCH_ROWS, flushMs: 100 };
/** Payloads of a batch; one that is larger has a batch of its own. */
const CHUNK_BYTES = 1024 * 1024;
/** One is filled, one written, others where the writer lags. One that is let go of is memory until the next full collection. */
const SPARE_CHUNKS = 4;

/**
 * The messages that wait for the writer, written down at once where it will read them: a record that waited as an object
 * would outlive the collector's young generation, with its text. Bounded: where too much waits, payloads are given up
 * first and then messages. Order is kept.
 */
export class MessageQueue {
  private open: MessageBuffer | null = null;
  /** What came before. */
  private full: MessageBuffer[] = [];
  private waiting = 0;
  private bytes = 0;
  private pushed = 0;
  private readonly spare: MessageBuffer[] = [];
  private readonly contexts = new MessageContexts();
  private readonly drain: BatchDrain<MessageBuffer>;

  constructor(private readonly options: MessageQueueOptions) {
    this.drain = new BatchDrain<MessageBuffer>({
      write: (chunk) => options.write(chunk.batch, this.waiting),
      waiting: () => this.waiting,
      take: () => this.take(),
      onOver: (chunk, isWritten) => this.over(chunk, isWritten),
      onTrouble: options.onTrouble,
      ...BATCH,
    });
  }

  /** How many wait or are being written. */
  get queued(): number {
    return this.drain.counters.queued;
  }

  /** Never waits and never throws. `head` is all of the payload where there is no `tail`. */
  push(record: TrafficRecord, head: string | null, tail: string | null): void {
    const { maxEntries, maxBytes, maxPayloadBytes, onLost } = this.options;
    const width = head === null ? 1 : widthOf(head, tail);
    // A byte more, as two-byte texts stand at even places.
    let payloadBytes = head === null ? 0 : (head.length + (tail?.length ?? 0)) * width + width - 1;
    const isTight = head !== null && this.bytes + MESSAGE_BYTES + payloadBytes > maxPayloadBytes;
    if (isTight) payloadBytes = 0;
    const isFull = this.waiting >= maxEntries || this.bytes + MESSAGE_BYTES + payloadBytes > maxBytes;
    if (isFull || this.drain.isClosing) {
      onLost(record.toolName, record.at, 'record');
      return;
    }
    if (isTight) onLost(record.toolName, record.at, 'payload');
    const chunk = this.chunkFor(payloadBytes);
    const before = chunk.size;
    chunk.add(record, isTight ? null : head, tail, width);
    this.bytes += chunk.size - before;
    this.pushed++;
    this.waiting++;
    this.drain.pushed();
  }

  /** Resolves when all that was pushed before is written, or `limitMs` have passed. What comes later is not waited for. */
  flush(limitMs: number): Promise<void> {
    return this.drain.flush(limitMs);
  }

  /** Writes what is left, within a limit, and ends: what was not written by then, or comes later, is given up. */
  async close(limitMs: number): Promise<void> {
    await this.drain.close(limitMs);
    while (this.waiting > 0) this.over(this.take(), false);
  }

  private chunkFor(payloadBytes: number): MessageBuffer {
    if (this.open?.hasRoom(payloadBytes) === true) return this.open;
    if (this.open !== null) this.full.push(this.open);
    this.open = null;
    const spare = payloadBytes > CHUNK_BYTES ? undefined : this.spare.pop()?.empty(this.pushed);
    this.open = spare ?? new MessageBuffer(Math.max(CHUNK_BYTES, payloadBytes), this.contexts, this.pushed);
    return this.open;
  }

  private take(): MessageBuffer {
    let chunk = this.full.shift();
    if (chunk === undefined) {
      chunk = this.open ?? new MessageBuffer(0, this.contexts);
      this.open = null;
    }
    this.waiting -= chunk.length;
    return chunk;
  }

  private over(chunk: MessageBuffer, isWritten: boolean): void {
    if (!isWritten) chunk.tell((toolName, at) => this.options.onLost(toolName, at, 'record'));
    this.bytes -= chunk.size;
    if (chunk.payloadBytes === CHUNK_BYTES && this.spare.length < SPARE_CHUNKS) this.spare.push(chunk);
  }
}
