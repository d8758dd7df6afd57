import { LiveSeries } from './live-series';
import { MetricPoint } from './metric-point';

const NOON = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;

const counts = (series: LiveSeries, from: number, to: number) =>
  series.fineBetween(from, to).map(([at, text]) => [(at - NOON) / 1_000, MetricPoint.decode(text).counted('calls')]);

const unsaved = (series: LiveSeries) =>
  [...series.unsaved].map(([at, { text }]) => [(at - NOON) / 1_000, MetricPoint.decode(text).counted('calls')]);

describe('a series as it grows', () => {
  it('has a point for each step in which something was, and none elsewhere', () => {
    const series = new LiveSeries();
    series.at(NOON + 1_000).count('calls');
    series.at(NOON + 9_999).count('calls');
    series.at(NOON + 30_000);
    expect(counts(series, NOON, NOON + HOUR)).toEqual([
      [0, 2],
      [30, 0],
    ]);
  });

  it('goes on with a step that has been looked at', () => {
    const series = new LiveSeries();
    series.at(NOON).count('calls');
    expect(counts(series, NOON, NOON + 10_000)).toEqual([[0, 1]]);
    series.at(NOON + 5_000).count('calls', 2);
    expect(counts(series, NOON, NOON + 10_000)).toEqual([[0, 3]]);
    expect(unsaved(series)).toEqual([[0, 3]]);
  });

  it('forgets steps after an hour, and never shows an old one as a new one', () => {
    const series = new LiveSeries();
    for (let at = NOON; at < NOON + 2 * HOUR; at += 10_000) series.at(at).count('calls');
    expect(counts(series, NOON + HOUR, NOON + 2 * HOUR)).toHaveLength(360);
    expect(counts(series, NOON, NOON + HOUR - 120_000)).toEqual([]);
    expect(counts(series, NOON + 2 * HOUR, NOON + 3 * HOUR)).toEqual([]);
  });

  it('collects minutes until they are saved', () => {
    const series = new LiveSeries();
    for (let second = 0; second < 120; second += 10) series.at(NOON + second * 1_000).count('calls');
    series.settle();
    expect(unsaved(series)).toEqual([
      [0, 6],
      [60, 6],
    ]);
    const whole = series.complete(NOON, null)!;
    series.saved(NOON, whole);
    expect(unsaved(series)).toEqual([[60, 6]]);
  });

  it('adds once what the database has, however often saving is tried', () => {
    const series = new LiveSeries();
    const stored = new MetricPoint();
    stored.count('calls', 10);
    series.at(NOON).count('calls');
    series.settle();
    const first = series.complete(NOON, stored.encode())!;
    // The commit went through, its answer got lost, more came meanwhile: the second try has it all, and once.
    series.at(NOON + 10_000).count('calls');
    series.settle();
    series.saved(NOON, first);
    const second = series.complete(NOON, first.text)!;
    expect(MetricPoint.decode(second.text).counted('calls')).toBe(12);
    series.saved(NOON, second);
    expect(series.unsaved.size).toBe(0);
    expect(series.complete(NOON, null)).toBeNull();
  });

  it('goes on when the clock jumps back or ahead', () => {
    const series = new LiveSeries();
    series.at(NOON).count('calls');
    series.at(NOON + 365 * 24 * HOUR).count('calls');
    series.at(NOON + 5_000).count('calls');
    series.at(NOON - HOUR).count('calls');
    series.at(NOON + 8_000).count('calls');
    expect(counts(series, NOON, NOON + 10_000)).toEqual([[0, 3]]);
  });

  it('gives up the oldest minutes when the database is away for hours, and counts them', () => {
    const series = new LiveSeries();
    for (let minute = 0; minute < 200; minute++) series.at(NOON + minute * 60_000);
    series.settle();
    expect([series.unsaved.size, series.lost]).toEqual([180, 20]);
    expect(Math.min(...series.unsaved.keys())).toBe(NOON + 20 * 60_000);
  });

  it('costs a few megabytes for a hundred tools and an hour', () => {
    let bytes = 0;
    const series = new LiveSeries();
    for (let at = NOON; at < NOON + HOUR; at += 5_000) {
      const point = series.at(at);
      point.sample('cpuPercent', 12.3);
      point.sample('memoryBytes', 123_456_789);
      point.count('calls', 10);
      point.count('errors', 1);
      for (let call = 0; call < 10; call++) point.duration(5 + call);
    }
    for (const [, text] of series.fineBetween(NOON, NOON + HOUR)) bytes += text.length + 32;
    expect(bytes * 100).toBeLessThan(8 * 1024 * 1024);
  });
});
