import { Injectable } from '@nestjs/common';

/** Time as injected: tests bring their own. */
export abstract class Clock {
  /** Epoch milliseconds, for what is shown and stored. */
  abstract now(): number;
  /** Milliseconds that never jump, for every delay and duration. */
  abstract monotonic(): number;
}

@Injectable()
export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }
}

/** Epoch milliseconds as the API shows them (RFC 3339, UTC). */
export function toTimestamp(epochMs: number): string;
export function toTimestamp(epochMs: number | null): string | null;
export function toTimestamp(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
