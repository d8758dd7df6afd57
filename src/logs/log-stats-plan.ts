import { ValidationFailedError } from '../common/domain-error';
import { DAY_MS, HOUR_MS, MINUTE_MS, MINUTES_KEPT_MS, startOfStep } from '../metrics/steps';

/** What somebody asks statistics for; times are epoch milliseconds. */
export interface StatsRequest {
  from?: number;
  to?: number;
  bucketSeconds?: number;
}

/** A part of the time asked for, and the step of the roll-ups it is read from; `from` and `to` lie on steps. */
export interface StatsSpan {
  step: number;
  from: number;
  to: number;
}

export interface StatsPlan {
  from: number;
  to: number;
  bucketSeconds: number;
  /** Counted from the rows themselves, to the millisecond; else from the roll-ups. */
  source: 'rows' | 'roll-ups';
  /** For what has no buckets: as few and as long steps as can be. */
  callSpans: StatsSpan[];
  /** For the buckets: no step is longer than one. */
  bucketSpans: StatsSpan[];
}

/** Buckets at most when their length is ours to choose, and when it is not. */
const COMFORTABLE_BUCKETS = 120;
const MAX_BUCKETS = 2_000;
const NICE_SECONDS = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800],
  ...[3_600, 7_200, 10_800, 21_600, 43_200, 86_400],
];
/** Up to this a time is short: its rows are counted one by one. */
const SHORT_MS = 15 * MINUTE_MS;
/** How long the roll-ups have minutes, and hours. */
const HOURS_KEPT_MS = 35 * DAY_MS;
const STEPS_MS = [DAY_MS, HOUR_MS, MINUTE_MS];

/** `mayCountRows`: whether a short time is to be counted from its rows. @throws ValidationFailedError */
export function planStats(request: StatsRequest, now: number, mayCountRows: boolean): StatsPlan {
  const to = request.to ?? now;
  const from = request.from ?? to - HOUR_MS;
  if (from >= to) throw new ValidationFailedError([{ path: 'from', message: 'must be before `to`' }]);
  const isShort = to - from <= SHORT_MS && now - from <= MINUTES_KEPT_MS;
  const isByRows = isShort && mayCountRows;
  const grainMs = isByRows ? 1_000 : grainOf(now - from);
  const seconds = bucketSecondsOf(request, to - from, grainMs / 1_000);
  if (isByRows) {
    return { from, to, bucketSeconds: seconds, source: 'rows', callSpans: [], bucketSpans: [] };
  }
  const aligned = { from: startOfStep(from, grainMs), to: startOfStep(to + grainMs - 1, grainMs) };
  return {
    ...aligned,
    bucketSeconds: seconds,
    source: 'roll-ups',
    callSpans: spansOf(aligned, STEPS_MS),
    bucketSpans: spansOf(
      aligned,
      STEPS_MS.filter((stepMs) => (seconds * 1_000) % stepMs === 0),
    ),
  };
}

/** The beginnings of all buckets. */
export function bucketsOf({ from, to, bucketSeconds }: StatsPlan): number[] {
  const stepMs = bucketSeconds * 1_000;
  const first = startOfStep(from, stepMs);
  return Array.from({ length: Math.ceil((to - first) / stepMs) }, (_, index) => first + index * stepMs);
}

/** The finest step that there is for so long ago. */
function grainOf(ageMs: number): number {
  if (ageMs <= MINUTES_KEPT_MS) return MINUTE_MS;
  return ageMs <= HOURS_KEPT_MS ? HOUR_MS : DAY_MS;
}

function bucketSecondsOf(request: StatsRequest, lengthMs: number, grainSeconds: number): number {
  const asked = request.bucketSeconds;
  const length = lengthMs / 1_000;
  if (asked === undefined) {
    const nice = NICE_SECONDS.find((each) => each >= grainSeconds && length / each <= COMFORTABLE_BUCKETS);
    return nice ?? roundedUp(length / COMFORTABLE_BUCKETS, DAY_MS / 1_000);
  }
  const seconds = roundedUp(asked, grainSeconds);
  const buckets = Math.ceil(length / seconds);
  if (buckets > MAX_BUCKETS) {
    const enough = roundedUp(length / MAX_BUCKETS, grainSeconds);
    const message = `gives ${buckets} buckets, and ${MAX_BUCKETS} is the most: take at least ${enough}, or a shorter time`;
    throw new ValidationFailedError([{ path: 'bucketSeconds', message }]);
  }
  return seconds;
}

/** Divides a time: its middle into the longest steps, its ends into shorter ones. */
function spansOf({ from, to }: { from: number; to: number }, stepsMs: readonly number[]): StatsSpan[] {
  const [stepMs, ...shorter] = stepsMs;
  if (stepMs === undefined || from >= to) return [];
  const first = startOfStep(from + stepMs - 1, stepMs);
  const last = startOfStep(to, stepMs);
  if (first >= last) return spansOf({ from, to }, shorter);
  return [
    ...spansOf({ from, to: first }, shorter),
    { step: stepMs / 1_000, from: first, to: last },
    ...spansOf({ from: last, to }, shorter),
  ];
}

function roundedUp(seconds: number, unit: number): number {
  return Math.ceil(seconds / unit) * unit;
}
