import { AsyncResource } from 'node:async_hooks';

/** What became of what was pushed. */
export interface QueueCounters {
  queued: number;
  written: number;
  dropped: number;
}

interface BatchQueueOptions<T> {
  /** Writes a batch in one go; rejects if nothing of it was written. */
  write: (batch: T[]) => Promise<void>;
  /** Bytes that one entry holds on to. */
  sizeOf: (entry: T) => number;
  /** Told of the first failure and of the recovery, not of each try. */
  onTrouble: (error: unknown) => void;
  /** Told when the queue begins to drop what comes; not for each entry. */
  onDrop?: () => void;
  /** Told of each entry that is dropped. */
  onDropped?: (entry: T) => void;
  /** What is kept of an entry once the queue holds more than `aboveBytes`: room for many small ones is left then. */
  shrink?: { aboveBytes: number; to: (entry: T) => T };
  maxEntries: number;
  maxBytes: number;
  /** So many entries are written at once, whatever the time. */
  batchSize: number;
  /** Entries of a batch at most, where that many wait; `batchSize` if not said. */
  maxBatchSize?: number;
  /** A batch ends with the entry that reaches this; no limit if not said. */
  batchBytes?: number;
  flushMs: number;
}

/** Waiting time after a failed write, doubled up to the maximum. */
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 5_000;
/** The event loop gets a turn after each batch. */
const YIELD = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * A bounded queue with one writer behind it. `push` never waits and never throws; a full queue drops what comes and counts
 * it. Order is kept. A batch that can't be written is tried again until it can, while the queue's bounds hold.
 */
export class BatchQueue<T> {
  private entries: T[] = [];
  private bytes = 0;
  private readonly counts = { written: 0, dropped: 0 };
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  /** Who pushes may be inside a request or a transaction; the writer is inside of none. */
  private readonly ownContext = new AsyncResource('BatchQueue');
  /** Entries of the batch being written, and when that is over. */
  private inHand = 0;
  private batch: Promise<void> | null = null;
  /** How many entries have left the queue, written or given up. */
  private left = 0;
  private troubled = false;
  private dropping = false;
  private closing = false;

  constructor(private readonly options: BatchQueueOptions<T>) {}

  get counters(): QueueCounters {
    return { queued: this.entries.length + this.inHand, ...this.counts };
  }

  push(given: T): void {
    const { shrink } = this.options;
    const isTight = shrink !== undefined && this.bytes + this.options.sizeOf(given) > shrink.aboveBytes;
    const entry = isTight ? shrink.to(given) : given;
    const size = this.options.sizeOf(entry);
    const isFull = this.entries.length >= this.options.maxEntries || this.bytes + size > this.options.maxBytes;
    if (isFull || this.closing) {
      this.counts.dropped++;
      this.options.onDropped?.(given);
      if (!this.dropping) this.options.onDrop?.();
      this.dropping = true;
      return;
    }
    this.dropping = false;
    this.entries.push(entry);
    this.bytes += size;
    if (this.entries.length >= this.options.batchSize) this.kick();
    else this.timer ??= setTimeout(() => this.kick(), this.options.flushMs);
  }

  /** Resolves when all that was pushed before is written, or `limitMs` have passed. What comes later is not waited for. */
  async flush(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    const goal = this.left + this.inHand + this.entries.length;
    while (this.left < goal && performance.now() < until) {
      this.kick();
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, until - performance.now())));
      await Promise.race([this.batch, limit]);
      clearTimeout(timer);
    }
  }

  /** Writes what is left, within a limit, and ends: what was not written by then, or comes later, is dropped. */
  async close(limitMs: number): Promise<void> {
    await this.flush(limitMs);
    this.closing = true;
    const lost = this.entries.splice(0);
    this.counts.dropped += lost.length;
    this.left += lost.length;
    for (const entry of lost) this.options.onDropped?.(entry);
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private kick(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.writing ??= this.ownContext
      .runInAsyncScope(() => this.drain())
      .finally(() => {
        this.writing = null;
        // What came while the last batch was being written waits for its own time.
        if (this.entries.length > 0 && !this.closing)
          this.timer ??= setTimeout(() => this.kick(), this.options.flushMs);
      });
  }

  private async drain(): Promise<void> {
    // At least one batch, and more while they are full.
    do {
      this.batch = this.writeNext();
      await this.batch;
    } while (this.entries.length >= this.options.batchSize);
  }

  private async writeNext(): Promise<void> {
    const batch = this.entries.splice(0, this.batchLength());
    this.inHand = batch.length;
    await this.writeUntilDone(batch);
    for (const entry of batch) this.bytes -= this.options.sizeOf(entry);
    this.inHand = 0;
    this.left += batch.length;
    await YIELD();
  }

  private batchLength(): number {
    const { batchSize, maxBatchSize = batchSize, batchBytes = Infinity, sizeOf } = this.options;
    let length = 0;
    for (let bytes = 0; length < maxBatchSize && bytes < batchBytes; length++) {
      const entry = this.entries[length];
      if (entry === undefined) break;
      bytes += sizeOf(entry);
    }
    return length;
  }

  private async writeUntilDone(batch: T[]): Promise<void> {
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
      try {
        await this.options.write(batch);
        this.counts.written += batch.length;
        this.troubled = false;
        return;
      } catch (error) {
        if (!this.troubled) this.options.onTrouble(error);
        this.troubled = true;
        if (this.closing) {
          this.counts.dropped += batch.length;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}
