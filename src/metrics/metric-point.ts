import { LatencySketch } from './latency-sketch';

interface Gauge {
  sum: number;
  samples: number;
}

/** A point as it is stored: short names, because there is one for each series and minute. */
interface Encoded {
  /** Gauges: [sum, samples]. */
  g?: Record<string, [number, number]>;
  /** Counters. */
  c?: Record<string, number>;
  /** The sketch of durations. */
  l?: string;
}

/** The beginning of a step (epoch milliseconds) and its point, or a part of it, as `MetricPoint.encode` writes it. */
export type StampedPoint = readonly [start: number, text: string];

/**
 * What was measured of one thing during one step of time: gauges (sampled, averaged), counters (added up), and how long
 * things took. Points of neighbouring steps merge into the exact point of both, over any number of levels.
 */
export class MetricPoint {
  private readonly gauges = new Map<string, Gauge>();
  private readonly counters = new Map<string, number>();
  private sketch: LatencySketch | null = null;

  static decode(text: string): MetricPoint {
    const point = new MetricPoint();
    point.mergeEncoded(text);
    return point;
  }

  sample(gauge: string, value: number): void {
    this.addGauge(gauge, value, 1);
  }

  count(counter: string, by = 1): void {
    this.counters.set(counter, (this.counters.get(counter) ?? 0) + by);
  }

  duration(ms: number): void {
    this.sketch ??= new LatencySketch();
    this.sketch.add(ms);
  }

  /** The average of a gauge's samples; null when it was not sampled. */
  average(gauge: string): number | null {
    const found = this.gauges.get(gauge);
    return found ? found.sum / found.samples : null;
  }

  counted(counter: string): number {
    return this.counters.get(counter) ?? 0;
  }

  /** Milliseconds; null when nothing was timed. */
  quantile(part: number): number | null {
    return this.sketch?.quantile(part) ?? null;
  }

  /** Empties it for the next step; what has been allocated stays. */
  clear(): void {
    this.gauges.clear();
    this.counters.clear();
    this.sketch?.clear();
  }

  encode(): string {
    const encoded: Encoded = {};
    if (this.gauges.size > 0) {
      const gauges = [...this.gauges].map(
        ([name, { sum, samples }]) => [name, [rounded(sum), samples]] as [string, [number, number]],
      );
      encoded.g = Object.fromEntries(gauges);
    }
    if (this.counters.size > 0) encoded.c = Object.fromEntries(this.counters);
    if (this.sketch !== null && this.sketch.size > 0) encoded.l = this.sketch.encode();
    return JSON.stringify(encoded);
  }

  /** Adds what `encode` has written. */
  mergeEncoded(text: string): void {
    const { g, c, l } = JSON.parse(text) as Encoded;
    for (const [name, [sum, samples]] of Object.entries(g ?? {})) this.addGauge(name, sum, samples);
    for (const [name, count] of Object.entries(c ?? {})) this.count(name, count);
    if (l === undefined) return;
    this.sketch ??= new LatencySketch();
    this.sketch.mergeEncoded(l);
  }

  private addGauge(name: string, sum: number, samples: number): void {
    const gauge = this.gauges.get(name);
    if (gauge) {
      gauge.sum += sum;
      gauge.samples += samples;
    } else {
      this.gauges.set(name, { sum, samples });
    }
  }
}

/** Three digits behind the point: sums of binary fractions have many, and all of them would be stored. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
