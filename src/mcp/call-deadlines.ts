const MAX_TIMER_MS = 2_147_483_647;
/** Timers count in whole milliseconds and may come so much too early. */
const TOLERANCE_MS = 1;

/** What has a deadline. */
export interface Timed {
  /** Monotonic milliseconds; infinite: it may take for ever. */
  deadline: number;
  /** How long it may take from its last sign of life on, in milliseconds. */
  limitMs: number;
}

/**
 * When the calls of one peer are late. One timer for all of them, for the earliest: a call that has ended takes its
 * deadline with it and leaves the timer as it is, so that most calls set none (ADR 50).
 */
export class CallDeadlines<Call extends Timed> {
  private timer: NodeJS.Timeout | null = null;
  private firesAt = Infinity;

  constructor(
    /** Those that wait. */
    private readonly calls: Iterable<Call>,
    private readonly onLate: (call: Call) => void,
  ) {}

  /** The call may take so long, counted from now. */
  set(call: Call, timeoutMs: number): void {
    const now = performance.now();
    call.limitMs = timeoutMs;
    call.deadline = now + timeoutMs;
    this.arm(call.deadline, now);
  }

  /** Nothing waits any more, and nothing will. */
  end(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private arm(at: number, now: number): void {
    if (at >= this.firesAt) return;
    if (this.timer) clearTimeout(this.timer);
    this.firesAt = at;
    // What waits holds on to a connection; the timer may outlive it by minutes and must hold up nothing.
    this.timer = setTimeout(this.look, Math.min(Math.ceil(at - now), MAX_TIMER_MS)).unref();
  }

  private readonly look = (): void => {
    this.timer = null;
    this.firesAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const call of this.calls) {
      if (call.deadline - now < TOLERANCE_MS) this.onLate(call);
      else if (call.deadline < next) next = call.deadline;
    }
    this.arm(next, now);
  };
}
