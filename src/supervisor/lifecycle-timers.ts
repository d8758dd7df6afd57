import type { TimerName } from './tool-lifecycle';

/** A timer that has fired. */
export interface FiredTimer {
  name: TimerName;
  generation: number;
  delayMs: number;
  /** How much later than it should it fired: seconds only when we ourselves were stopped (SIGSTOP) or blocked. */
  lateMs: number;
}

/** The timers that one tool's lifecycle has asked for, at most one of each name. */
export class LifecycleTimers {
  private readonly timers = new Map<TimerName, NodeJS.Timeout>();

  constructor(
    private readonly monotonic: () => number,
    private readonly onFired: (fired: FiredTimer) => void,
  ) {}

  set(name: TimerName, generation: number, delayMs: number): void {
    clearTimeout(this.timers.get(name));
    const due = this.monotonic() + delayMs;
    this.timers.set(
      name,
      setTimeout(() => {
        this.timers.delete(name);
        this.onFired({ name, generation, delayMs, lateMs: this.monotonic() - due });
      }, delayMs),
    );
  }

  cancelAll(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }
}
