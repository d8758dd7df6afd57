import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** How late timers came, in milliseconds. */
export interface Lateness {
  p50Ms: number;
  p99Ms: number;
}

/** A timer wakes the process so often only to see how late it comes. */
const OFTEN_MS = 100;
/** Where there is next to no work such waking is most of what an idle process does (ADR 55). */
const RARELY_MS = 500;
/** Up to this part of the time at work counts as next to none. */
const IDLE_UTILIZATION = 0.05;

/**
 * How late the event loop is, by a timer of its own: often while there is work, rarely while there is next to none, when it
 * can hardly be late. The first reading with work is by the rare looks of the time before it, all others by frequent ones.
 */
export class LoopDelay {
  private readonly often = monitorEventLoopDelay({ resolution: OFTEN_MS });
  private readonly rarely = monitorEventLoopDelay({ resolution: RARELY_MS });
  private current: IntervalHistogram = this.often;
  /** When it was last begun anew, in monotonic milliseconds. */
  private since = performance.now();
  private isOn = false;

  start(): void {
    this.isOn = true;
    this.look(this.often);
  }

  stop(): void {
    this.isOn = false;
    this.current.disable();
  }

  /** How far two looks are apart now. */
  get everyMs(): number {
    return this.current === this.often ? OFTEN_MS : RARELY_MS;
  }

  /** Since the reading before; nothing before the start. `utilization`: the part of that time in which the loop was at work. */
  read(utilization: number): Lateness {
    if (!this.isOn) return { p50Ms: 0, p99Ms: 0 };
    const lateness = { p50Ms: this.quantile(50), p99Ms: Math.max(this.quantile(99), this.unseen()) };
    this.look(utilization > IDLE_UTILIZATION ? this.often : this.rarely);
    return lateness;
  }

  private quantile(percentile: number): number {
    return this.current.count === 0 ? 0 : rounded(this.current.percentile(percentile) / 1e6 - this.everyMs);
  }

  /**
   * Node takes the time between two looks, so that it says nothing of the time before the first one: what of all the time is
   * missing there, beyond the looks at both ends. What it knows is exact to a thousandth.
   */
  private unseen(): number {
    const { count, mean } = this.current;
    const elapsed = performance.now() - this.since;
    const missing = elapsed - (count === 0 ? 0 : (count * mean) / 1e6) - 2 * this.everyMs;
    return missing > elapsed / 100 ? rounded(missing) : 0;
  }

  private look(by: IntervalHistogram): void {
    if (by !== this.current) this.current.disable();
    by.reset();
    by.enable();
    this.current = by;
    this.since = performance.now();
  }
}

function rounded(ms: number): number {
  return Math.max(0, Math.round(ms * 100) / 100);
}
