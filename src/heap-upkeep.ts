import { HeapGarbage, type OldGeneration } from './common/heap-garbage';

/** What of V8's heap can be read and steered while it runs. Sizes are in bytes. */
export interface Heap extends OldGeneration {
  /** What the young generation takes, both halves of it. */
  readonly youngSize: number;
  /** Whether the young generation may double when it finds itself too small. */
  setGrowing(on: boolean): void;
}

const MB = 1024 * 1024;
/** How large the young generation gets: twice 4 MB, and twice 8 under load. Its limit by V8 itself is twice 16. */
const QUIET_YOUNG = 8 * MB;
const BUSY_YOUNG = 16 * MB;
/** Shares of a second that the event loop works; busy it is if so many follow each other, not by one piece of work. */
const BUSY = 0.5;
const BUSY_LOOKS = 5;
const QUIET = 0.2;
/** A collection takes some 50 ms here. */
const GARBAGE = { bytes: MB, everyMs: 120_000 };

/**
 * Keeps the heap as small as what it is used for (ADR 57).
 *
 * V8 lets the young generation grow by what outlives it, however long that takes, to a size that only a busy program has
 * a use for. And it collects the old one when 8 MB have come together, at the least: at a hundred calls a second that takes
 * ten minutes and looks like a leak.
 */
export class HeapUpkeep {
  private busyLooks = 0;
  private largestYoung = QUIET_YOUNG;
  private readonly garbage: HeapGarbage;

  /** `now`: milliseconds of a clock that only goes forward. */
  constructor(
    private readonly heap: Heap,
    now?: () => number,
  ) {
    this.garbage = new HeapGarbage(heap, GARBAGE, now);
  }

  /** To be called once a second. `load`: how much of the time since the last call the event loop has worked, 0 to 1. */
  look(load: number): void {
    this.busyLooks = load >= BUSY ? this.busyLooks + 1 : 0;
    this.largestYoung = this.busyLooks >= BUSY_LOOKS ? BUSY_YOUNG : QUIET_YOUNG;
    this.limitYoung();
    this.garbage.look(load <= QUIET);
  }

  /** To be called when something was collected, while the young generation may grow: it may double several times a second. */
  limitYoung(): void {
    this.heap.setGrowing(this.heap.youngSize < this.largestYoung);
  }
}
