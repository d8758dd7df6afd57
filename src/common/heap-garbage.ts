/** The old generation of a thread's heap. */
export interface OldGeneration {
  /** Bytes in it: what is in use, and garbage. */
  readonly oldUsed: number;
  /** Collects everything, at once. */
  collect(): void;
}

export interface GarbageLimits {
  /** So many bytes that may be garbage are worth a collection ... */
  bytes: number;
  /** ... once in so many milliseconds. */
  everyMs: number;
}

/**
 * Has garbage collected when it is worth it, not when V8's smallest step of 8 MB has come together: until then memory that
 * nobody uses grows for minutes or hours, which looks like a leak (ADR 57).
 */
export class HeapGarbage {
  private collectedAt: number;
  /** What was in the old generation after the last collection, ours or V8's. */
  private least: number;

  /** `now`: milliseconds of a clock that only goes forward. */
  constructor(
    private readonly heap: OldGeneration,
    private readonly limits: GarbageLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.collectedAt = now();
    this.least = heap.oldUsed;
  }

  /** To be called often. `isGoodMoment`: whether nobody minds waiting now. */
  look(isGoodMoment = true): void {
    const { oldUsed } = this.heap;
    if (oldUsed < this.least) this.least = oldUsed;
    if (!isGoodMoment || oldUsed - this.least < this.limits.bytes) return;
    if (this.now() - this.collectedAt < this.limits.everyMs) return;
    this.heap.collect();
    this.collectedAt = this.now();
    this.least = this.heap.oldUsed;
  }
}
