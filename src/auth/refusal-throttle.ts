import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';

/** Rows of refused requests that one address may cause a minute; the rest is counted. */
const ROWS_A_MINUTE = 10;
const WINDOW_MS = 60_000;
/** Addresses remembered at once; the oldest go first. */
const MAX_ADDRESSES = 10_000;

interface Window {
  startedAt: number;
  rows: number;
  missed: number;
}

/** Keeps a flood of refused requests from filling the operation log, without losing how many there were. */
@Injectable()
export class RefusalThrottle {
  private readonly windows = new Map<string, Window>();

  constructor(private readonly clock: Clock) {}

  /** Whether a refusal from this address gets a row: how many before it got none, or null for "count only". */
  admit(address: string): number | null {
    const now = this.clock.monotonic();
    const window = this.windows.get(address);
    if (!window || now - window.startedAt >= WINDOW_MS) {
      this.windows.delete(address);
      this.windows.set(address, { startedAt: now, rows: 1, missed: 0 });
      this.forgetOldest();
      return window?.missed ?? 0;
    }
    if (window.rows < ROWS_A_MINUTE) {
      window.rows++;
      return 0;
    }
    window.missed++;
    return null;
  }

  private forgetOldest(): void {
    if (this.windows.size <= MAX_ADDRESSES) return;
    const oldest = this.windows.keys().next().value;
    if (oldest !== undefined) this.windows.delete(oldest);
  }
}
