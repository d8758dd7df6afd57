import type { Clock } from '../common/clock';

/** What one key has left after a request. */
export interface Allowance {
  allowed: boolean;
  /** Requests a window. */
  limit: number;
  remaining: number;
  /** Whole seconds until the window ends, 1 or more. */
  resetSeconds: number;
}

interface Window {
  startedAt: number;
  taken: number;
}

/**
 * Counts requests by key in windows that begin with a key's first request: one look into a map a request, no timers. The
 * oldest key goes when there are too many; what it had taken is forgotten then.
 */
export class FixedWindow {
  /** In the order of their beginnings, since every window is as long as the others. */
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly clock: Clock,
    private readonly options: { windowMs: number; maxKeys: number },
  ) {}

  get size(): number {
    return this.windows.size;
  }

  /** `limit`: requests a window; may be another one each time, what has been taken of a window counts on. */
  take(key: string, limit: number): Allowance {
    const { windowMs } = this.options;
    const now = this.clock.monotonic();
    const window = this.windowOf(key, now);
    const allowed = window.taken < limit;
    // What is refused is not counted: who goes on asking is not kept out longer.
    if (allowed) window.taken++;
    // In this order: the sum of a large and a small number would be rounded, and say 61 of a window of 60.
    const resetSeconds = Math.max(1, Math.ceil((windowMs - (now - window.startedAt)) / 1000));
    return { allowed, limit, remaining: Math.max(0, limit - window.taken), resetSeconds };
  }

  private windowOf(key: string, now: number): Window {
    const known = this.windows.get(key);
    if (known !== undefined && now - known.startedAt < this.options.windowMs) return known;
    this.windows.delete(key);
    this.forget(now);
    const window = { startedAt: now, taken: 0 };
    this.windows.set(key, window);
    return window;
  }

  private forget(now: number): void {
    for (const [key, { startedAt }] of this.windows) {
      const isOver = now - startedAt >= this.options.windowMs;
      if (!isOver && this.windows.size < this.options.maxKeys) return;
      this.windows.delete(key);
    }
  }
}
