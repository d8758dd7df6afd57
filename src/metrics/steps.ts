/** The steps in which points are kept, in seconds, and for how long. */
export const FINE_STEP_SECONDS = 10;
export const MINUTE_SECONDS = 60;
export const HOUR_SECONDS = 3_600;

export const MINUTE_MS = MINUTE_SECONDS * 1_000;
export const HOUR_MS = HOUR_SECONDS * 1_000;
export const DAY_MS = 24 * HOUR_MS;

/** What is promised; each is kept a little longer, so that "the last hour" is whole although asking takes time. */
export const FINE_KEPT_MS = HOUR_MS;
export const MINUTES_KEPT_MS = 48 * HOUR_MS;
export const HOURS_KEPT_MS = 30 * DAY_MS;
export const SLACK_MS = MINUTE_MS;

/** The beginning of the step that a moment lies in; steps are aligned to the epoch. */
export function startOfStep(at: number, stepMs: number): number {
  return Math.floor(at / stepMs) * stepMs;
}
