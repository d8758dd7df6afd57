import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { LiveSeries } from './live-series';
import { MetricPoint, type StampedPoint } from './metric-point';
import { MetricPointRepository } from './metric-point.repository';
import { planSeries, rangeOf, type SeriesPlan, type SeriesRequest } from './series-plan';
import { FINE_KEPT_MS, FINE_STEP_SECONDS, HOUR_MS, HOUR_SECONDS, MINUTE_SECONDS, startOfStep } from './steps';

/** One series as it was asked for: a point for each step, null where nothing was measured. */
export interface SeriesReading {
  plan: SeriesPlan;
  points: { at: number; point: MetricPoint | null }[];
}

/** Hours that may not be rolled up yet (or may get late minutes): read from the minutes. */
const YOUNG_MS = 2 * HOUR_MS;

/** All series: those that grow, in memory; what they were, from memory and database as one. */
@Injectable()
export class MetricStore {
  private readonly live = new Map<string, LiveSeries>();
  private readonly ended = new Set<string>();
  /** Before it there are no 10 s steps. */
  private readonly since: number;

  constructor(
    private readonly rows: MetricPointRepository,
    private readonly clock: Clock,
  ) {
    this.since = clock.now();
  }

  /** The series of that name (64 characters at most), to be written to. */
  open(name: string): LiveSeries {
    this.ended.delete(name);
    const known = this.live.get(name);
    if (known) return known;
    const series = new LiveSeries();
    this.live.set(name, series);
    return series;
  }

  /** Nothing more will come: its hour in memory goes as soon as its minutes are saved; those stay until their time. */
  end(name: string): void {
    if (this.live.has(name)) this.ended.add(name);
  }

  /** All that may have something to be saved. */
  entries(): Iterable<[name: string, series: LiveSeries]> {
    return this.live;
  }

  /** Lets go of those that have ended and are saved. */
  forgetEnded(): void {
    for (const name of this.ended) {
      if ((this.live.get(name)?.unsaved.size ?? 0) > 0) continue;
      this.live.delete(name);
      this.ended.delete(name);
    }
  }

  /** @throws ValidationFailedError */
  async read(name: string, request: SeriesRequest): Promise<SeriesReading> {
    const now = this.clock.now();
    const plan = planSeries(request, now, await this.isFineWhole(name, request, now));
    const stamped = await this.pointsOf(name, plan, now);
    return { plan, points: rolledUp(stamped, plan) };
  }

  /** Whether the 10 s steps in memory have all that is known of the time asked for: no restart lies within. */
  private async isFineWhole(name: string, request: SeriesRequest, now: number): Promise<boolean> {
    const { from } = rangeOf(request, now);
    if (from >= this.since || now - from > 2 * FINE_KEPT_MS) return true;
    return !(await this.rows.exists(name, MINUTE_SECONDS, from, this.since));
  }

  private async pointsOf(name: string, { from, to, source }: SeriesPlan, now: number): Promise<StampedPoint[]> {
    if (source === FINE_STEP_SECONDS) return this.live.get(name)?.fineBetween(from, to) ?? [];
    if (source === MINUTE_SECONDS) return this.minutes(name, from, to);
    const young = Math.max(from, Math.min(to, startOfStep(now - YOUNG_MS, HOUR_MS)));
    const hours = young > from ? await this.rows.list(name, HOUR_SECONDS, from, young) : [];
    const minutes = young < to ? await this.minutes(name, young, to) : [];
    return [...hours, ...minutes];
  }

  /** What is saved and what is not yet; a minute may be in two parts. */
  private async minutes(name: string, from: number, to: number): Promise<StampedPoint[]> {
    const series = this.live.get(name);
    series?.settle();
    let saves: number | undefined;
    let stored;
    do {
      // A minute that is saved while we read would be in neither.
      saves = series?.saves;
      stored = await this.rows.list(name, MINUTE_SECONDS, from, to);
    } while (series?.saves !== saves);
    const unsaved = [...(series?.unsaved ?? [])].filter(([at]) => at >= from && at < to);
    const replaced = new Set(unsaved.filter(([, { isWhole }]) => isWhole).map(([at]) => at));
    return [
      ...stored.filter(([at]) => !replaced.has(at)),
      ...unsaved.map(([at, { text }]): StampedPoint => [at, text]),
    ];
  }
}

function rolledUp(stamped: StampedPoint[], { from, to, stepSeconds }: SeriesPlan): SeriesReading['points'] {
  const stepMs = stepSeconds * 1_000;
  const merged = new Map<number, MetricPoint>();
  for (const [start, text] of stamped) {
    const at = startOfStep(start, stepMs);
    const known = merged.get(at);
    if (known) known.mergeEncoded(text);
    else merged.set(at, MetricPoint.decode(text));
  }
  const points: SeriesReading['points'] = [];
  for (let at = from; at < to; at += stepMs) points.push({ at, point: merged.get(at) ?? null });
  return points;
}
