import type { MetricSample } from './metric-families';

/** Upper bounds in seconds, from what a local tool needs to what a slow remote one may. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How long things took, in the buckets of Prometheus. `add` allocates nothing: it is called for every call. */
export class DurationHistogram {
  private readonly counts = new Float64Array(BOUNDS.length + 1);
  private sumSeconds = 0;

  add(ms: number): void {
    const seconds = ms / 1_000;
    this.sumSeconds += seconds;
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > (BOUNDS[bucket] ?? Infinity)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
  }

  /** As Prometheus wants them: each bucket holds those below it as well. */
  *samples(labels: Readonly<Record<string, string>>): Generator<MetricSample> {
    let count = 0;
    for (const [bucket, bound] of BOUNDS.entries()) {
      count += this.counts[bucket] ?? 0;
      yield { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: count };
    }
    count += this.counts[BOUNDS.length] ?? 0;
    yield { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count };
    yield { suffix: '_sum', labels, value: this.sumSeconds };
    yield { suffix: '_count', labels, value: count };
  }
}
