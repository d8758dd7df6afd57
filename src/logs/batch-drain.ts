import { AsyncResource } from 'node:async_hooks';

interface Draining<B> {
  /** Writes a batch in one go; rejects if nothing of it was written. */
  write: (batch: B) => Promise<void>;
  /** How many entries wait for a batch. */
  waiting: () => number;
  /** Takes the next batch from what waits: at least one entry of it. */
  take: () => B;
  /** Told of each batch that is over, written or given up. */
  onOver: (batch: B, isWritten: boolean) => void;
  /** Told of the first failure and of the recovery, not of each try. */
  onTrouble: (error: unknown) => void;
  /** So many entries are written at once, whatever the time. */
  batchSize: number;
  flushMs: number;
}

/** Waiting time after a failed write, doubled up to the maximum. */
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 5_000;
/** The event loop gets a turn after each batch. */
const YIELD = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * The one writer behind a queue: takes what waits there batch by batch, in order, after a while or when there is much of it.
 * A batch that can't be written is tried again until it can.
 */
export class BatchDrain<B extends { readonly length: number }> {
  private readonly counts = { written: 0, dropped: 0 };
  private timer: NodeJS.Timeout | null = null;
  private writing: Promise<void> | null = null;
  /** Who pushes may be inside a request or a transaction; the writer is inside of none. */
  private readonly ownContext = new AsyncResource('BatchDrain');
  /** Entries of the batch being written, and when that is over. */
  private inHand = 0;
  private batch: Promise<void> | null = null;
  /** How many entries have left, written or given up. */
  private left = 0;
  private troubled = false;
  private closing = false;

  constructor(private readonly options: Draining<B>) {}

  get counters(): { queued: number; written: number; dropped: number } {
    return { queued: this.options.waiting() + this.inHand, ...this.counts };
  }

  /** Nothing is taken any more. */
  get isClosing(): boolean {
    return this.closing;
  }

  /** An entry found no room. */
  dropped(): void {
    this.counts.dropped++;
  }

  /** An entry waits. */
  pushed(): void {
    if (this.options.waiting() >= this.options.batchSize) this.kick();
    else this.timer ??= setTimeout(() => this.kick(), this.options.flushMs);
  }

  /** Resolves when all that waited before is written, or `limitMs` have passed. What comes later is not waited for. */
  async flush(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    const goal = this.left + this.inHand + this.options.waiting();
    while (this.left < goal && performance.now() < until) {
      this.kick();
      let timer: NodeJS.Timeout | undefined;
      const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, until - performance.now())));
      await Promise.race([this.batch, limit]);
      clearTimeout(timer);
    }
  }

  /** Writes what is left, within a limit, and ends. Gives how many were not written by then: they are dropped. */
  async close(limitMs: number): Promise<number> {
    await this.flush(limitMs);
    this.closing = true;
    const lost = this.options.waiting();
    this.counts.dropped += lost;
    this.left += lost;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    return lost;
  }

  private kick(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.writing ??= this.ownContext
      .runInAsyncScope(() => this.drain())
      .finally(() => {
        this.writing = null;
        // What came while the last batch was being written waits for its own time.
        if (this.options.waiting() > 0 && !this.closing)
          this.timer ??= setTimeout(() => this.kick(), this.options.flushMs);
      });
  }

  private async drain(): Promise<void> {
    // At least one batch, and more while they are full.
    do {
      this.batch = this.writeNext();
      await this.batch;
    } while (this.options.waiting() >= this.options.batchSize);
  }

  private async writeNext(): Promise<void> {
    if (this.options.waiting() === 0) return;
    const batch = this.options.take();
    const { length } = batch;
    this.inHand = length;
    const isWritten = await this.writeUntilDone(batch);
    this.options.onOver(batch, isWritten);
    this.inHand = 0;
    this.left += length;
    await YIELD();
  }

  private async writeUntilDone(batch: B): Promise<boolean> {
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
      try {
        await this.options.write(batch);
        this.counts.written += batch.length;
        this.troubled = false;
        return true;
      } catch (error) {
        if (!this.troubled) this.options.onTrouble(error);
        this.troubled = true;
        if (this.closing) {
          this.counts.dropped += batch.length;
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}
