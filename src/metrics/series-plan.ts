import { ValidationFailedError } from '../common/domain-error';
import {
  DAY_MS,
  FINE_KEPT_MS,
  FINE_STEP_SECONDS,
  HOUR_MS,
  HOUR_SECONDS,
  MINUTE_SECONDS,
  MINUTES_KEPT_MS,
  SLACK_MS,
  startOfStep,
} from './steps';

/** What somebody asks a series for; times are epoch milliseconds. */
export interface SeriesRequest {
  from?: number;
  to?: number;
  stepSeconds?: number;
}

/** How it is answered: `from` and `to` lie on steps, `source` is the kept step whose points are merged. */
export interface SeriesPlan {
  from: number;
  to: number;
  stepSeconds: number;
  source: typeof FINE_STEP_SECONDS | typeof MINUTE_SECONDS | typeof HOUR_SECONDS;
}

/** Points at most when the step is ours to choose, and when it is not. */
const COMFORTABLE_POINTS = 360;
const MAX_POINTS = 5_000;
/** Steps that are chosen: those that people read well. */
const NICE_STEPS = [10, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

/** The time asked for: an hour up to now, unless said otherwise. @throws ValidationFailedError */
export function rangeOf(request: SeriesRequest, now: number): { from: number; to: number } {
  const to = request.to ?? now;
  const from = request.from ?? to - HOUR_MS;
  if (from >= to) throw new ValidationFailedError([{ path: 'from', message: 'must be before `to`' }]);
  return { from, to };
}

/**
 * Chooses step and source. A step that was asked for is rounded up to a multiple of what is kept for the whole range
 * (10 s for an hour, minutes for 48 hours, hours for 30 days). `isFineWhole`: whether the 10 s steps, which do not survive
 * a restart, have all of the range; it matters only where the step is ours to choose. @throws ValidationFailedError
 */
export function planSeries(request: SeriesRequest, now: number, isFineWhole: boolean): SeriesPlan {
  const { from, to } = rangeOf(request, now);
  const kept = keptFor(now - from);
  const { stepSeconds: asked } = request;
  const finest = asked === undefined && kept === FINE_STEP_SECONDS && !isFineWhole ? MINUTE_SECONDS : kept;
  const stepSeconds = roundedUp(asked ?? comfortable((to - from) / 1_000, finest), finest);
  const stepMs = stepSeconds * 1_000;
  const aligned = { from: startOfStep(from, stepMs), to: startOfStep(to + stepMs - 1, stepMs) };
  const points = (aligned.to - aligned.from) / stepMs;
  if (points > MAX_POINTS) {
    const enough = roundedUp(Math.ceil((to - from) / 1_000 / (MAX_POINTS - 1)), finest);
    const message = `gives ${points} points, and ${MAX_POINTS} is the most: take at least ${enough}, or a shorter time`;
    throw new ValidationFailedError([{ path: 'stepSeconds', message }]);
  }
  return { ...aligned, stepSeconds, source: sourceOf(stepSeconds, finest) };
}

/** The finest step that is kept for so long. */
function keptFor(ageMs: number): SeriesPlan['source'] {
  if (ageMs <= FINE_KEPT_MS + SLACK_MS) return FINE_STEP_SECONDS;
  return ageMs <= MINUTES_KEPT_MS + SLACK_MS ? MINUTE_SECONDS : HOUR_SECONDS;
}

/** Minutes serve wherever they can: unlike the 10 s steps they survive a restart. */
function sourceOf(stepSeconds: number, finest: SeriesPlan['source']): SeriesPlan['source'] {
  return finest === FINE_STEP_SECONDS && stepSeconds % MINUTE_SECONDS === 0 ? MINUTE_SECONDS : finest;
}

function comfortable(seconds: number, finest: number): number {
  const step = NICE_STEPS.find((nice) => nice >= finest && seconds / nice <= COMFORTABLE_POINTS);
  return step ?? roundedUp(seconds / COMFORTABLE_POINTS, DAY_MS / 1_000);
}

function roundedUp(seconds: number, unit: number): number {
  return Math.ceil(seconds / unit) * unit;
}
