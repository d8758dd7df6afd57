import type { Clock } from '../common/clock';

const HOUR_MS = 3_600_000;
/** A clock may be put forward by so much while we run or were down, and back by so much, before it is in doubt. */
const FORWARD_MS = 24 * HOUR_MS;
const BACK_MS = 60_000;
/** How long a clock in doubt has to go on without another jump before it is believed. */
const HOLD_MS = 24 * HOUR_MS;
/** After a start: we may just have been down, and a wrong clock is put right soon after the machine has started. */
const HOLD_AT_START_MS = HOUR_MS;

/** Whether the time can be believed when it is asked what is old. Look at it often: each look is compared with the last. */
export class ClockWatch {
  private last: { now: number; monotonic: number } | null = null;
  private doubt: { reason: string; until: number } | null = null;

  constructor(private readonly clock: Clock) {}

  /** Why the time is not to be believed at the moment; null: it is. `seenBefore`: the last time known of an earlier run. */
  look(seenBefore: number | null): string | null {
    const [now, monotonic] = [this.clock.now(), this.clock.monotonic()];
    const isStart = this.last === null;
    const expected = this.last === null ? (seenBefore ?? now) : this.last.now + (monotonic - this.last.monotonic);
    this.last = { now, monotonic };
    const ahead = now - expected;
    if (ahead > FORWARD_MS) {
      const reason = `The clock is ${inWords(ahead)} ahead of when it was last looked at`;
      this.doubt = { reason, until: monotonic + (isStart ? HOLD_AT_START_MS : HOLD_MS) };
    } else if (ahead < -BACK_MS) {
      this.doubt = { reason: `The clock has gone back by ${inWords(-ahead)}`, until: monotonic + HOLD_AT_START_MS };
    }
    if (this.doubt !== null && monotonic >= this.doubt.until) this.doubt = null;
    return this.doubt?.reason ?? null;
  }
}

function inWords(ms: number): string {
  if (ms < HOUR_MS) return `${Math.round(ms / 60_000)} minutes`;
  return ms < 48 * HOUR_MS ? `${Math.round(ms / HOUR_MS)} hours` : `${Math.round(ms / (24 * HOUR_MS))} days`;
}
