import type { Clock } from '../common/clock';

/** So long after the last one, failures are forgotten. */
const MEMORY_MS = 15 * 60_000;

interface Failures {
  count: number;
  lastAt: number;
}

/** How often something failed lately, by key. The keys that have been calm longest go when there are too many. */
export class FailureTable {
  /** In the order of the last failure. */
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly clock: Clock,
    private readonly maxKeys: number,
  ) {}

  get size(): number {
    return this.failures.size;
  }

  count(key: string): number {
    return this.find(key)?.count ?? 0;
  }

  /** Milliseconds since the last failure; infinite where there is none. */
  calmForMs(key: string): number {
    const known = this.find(key);
    return known === null ? Infinity : this.clock.monotonic() - known.lastAt;
  }

  add(key: string): void {
    const count = this.count(key) + 1;
    this.failures.delete(key);
    this.failures.set(key, { count, lastAt: this.clock.monotonic() });
    for (const oldest of this.failures.keys()) {
      if (this.failures.size <= this.maxKeys) return;
      this.failures.delete(oldest);
    }
  }

  /** Takes one failure back. */
  takeBack(key: string): void {
    const known = this.find(key);
    if (known === null || known.count <= 1) this.failures.delete(key);
    else known.count--;
  }

  forget(key: string): void {
    this.failures.delete(key);
  }

  private find(key: string): Failures | null {
    const known = this.failures.get(key);
    if (known === undefined) return null;
    if (this.clock.monotonic() - known.lastAt < MEMORY_MS) return known;
    this.failures.delete(key);
    return null;
  }
}
