import { DAY_MS, HOUR_MS, MINUTE_MS, SLACK_MS } from '../metrics/steps';

/** How long the counts of each step are kept, and how much of them is deleted at once. */
export const ROLL_UP_STEPS = [
  { step: 60, keptMs: 48 * HOUR_MS + SLACK_MS, pieceMs: 10 * MINUTE_MS },
  { step: 3_600, keptMs: 35 * DAY_MS + HOUR_MS, pieceMs: 6 * HOUR_MS },
  { step: 86_400, keptMs: 400 * DAY_MS, pieceMs: 10 * DAY_MS },
] as const;

/** How much faster than time the age of counts may grow. */
const MOST_SPEED = 24;

/**
 * The time by which the age of counts is told. A clock that has jumped far ahead must not delete everything: it begins at
 * the newest count there is, and follows the clock by a day an hour at most.
 */
export class RollUpAges {
  private today: number;
  private toldAt: number;

  constructor(newest: number | null, now: number, monotonic: number) {
    this.today = Math.min(now, newest ?? now);
    this.toldAt = monotonic;
  }

  /** Counts of a step that begin before this have had their time. */
  cutoff(keptMs: number, now: number, monotonic: number): number {
    this.today = Math.min(now, this.today + MOST_SPEED * (monotonic - this.toldAt));
    this.toldAt = monotonic;
    return this.today - keptMs;
  }
}
