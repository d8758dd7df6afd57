import { BatchDrain } from './batch-drain';

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
  /** Told of each entry that is dropped. */
  onDropped?: (entry: T) => void;
  maxEntries: number;
  maxBytes: number;
  /** So many entries are written at once, whatever the time. */
  batchSize: number;
  flushMs: number;
}

/**
 * A bounded queue with one writer behind it (BatchDrain). `push` never waits and never throws; a full queue drops what comes
 * and counts it. Order is kept. A batch that can't be written is tried again until it can, while the queue's bounds hold.
 */
export class BatchQueue<T> {
  private entries: T[] = [];
  private bytes = 0;
  private readonly drain: BatchDrain<T[]>;

  constructor(private readonly options: BatchQueueOptions<T>) {
    this.drain = new BatchDrain<T[]>({
      write: options.write,
      waiting: () => this.entries.length,
      take: () => this.entries.splice(0, options.batchSize),
      onOver: (batch) => {
        for (const entry of batch) this.bytes -= options.sizeOf(entry);
      },
      onTrouble: options.onTrouble,
      batchSize: options.batchSize,
      flushMs: options.flushMs,
    });
  }

  get counters(): QueueCounters {
    return this.drain.counters;
  }

  push(entry: T): void {
    const size = this.options.sizeOf(entry);
    const isFull = this.entries.length >= this.options.maxEntries || this.bytes + size > this.options.maxBytes;
    if (isFull || this.drain.isClosing) {
      this.drain.dropped();
      this.options.onDropped?.(entry);
      return;
    }
    this.entries.push(entry);
    this.bytes += size;
    this.drain.pushed();
  }

  /** Resolves when all that was pushed before is written, or `limitMs` have passed. What comes later is not waited for. */
  flush(limitMs: number): Promise<void> {
    return this.drain.flush(limitMs);
  }

  /** Writes what is left, within a limit, and ends: what was not written by then, or comes later, is dropped. */
  async close(limitMs: number): Promise<void> {
    await this.drain.close(limitMs);
    for (const entry of this.entries.splice(0)) this.options.onDropped?.(entry);
  }
}
