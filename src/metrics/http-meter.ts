import { Injectable } from '@nestjs/common';
import { DurationHistogram } from './duration-histogram';
import { MetricFamilies, type MetricSample } from './metric-families';

/** Routes are those of the program, methods and statuses few: this is for what we have not thought of. */
const MOST_KEYS = 5_000;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What was asked over HTTP and how that went, by route template: no path of a client ever becomes a label. */
@Injectable()
export class HttpMeter {
  /** Since the start. */
  requests = 0;
  private readonly byOutcome = new Map<string, { labels: Record<string, string>; count: number }>();
  private readonly byRoute = new Map<string, DurationHistogram>();

  constructor(families: MetricFamilies) {
    families.register({
      name: 'mcps_http_requests_total',
      help: 'Requests by method, route template and status; `other` is no route of ours',
      type: 'counter',
      collect: () => this.counts(),
    });
    families.register({
      name: 'mcps_http_request_duration_seconds',
      help: 'How long requests took, by route template',
      type: 'histogram',
      collect: () => this.durations(),
    });
  }

  /** `route`: the template, such as `/api/v1/tools/:tool`; undefined where there is none. */
  add({ method, route, status, ms }: { method: string; route: string | undefined; status: number; ms: number }): void {
    this.requests += 1;
    const shown = { method: METHODS.has(method) ? method : 'other', route: route ?? 'other', status: String(status) };
    const key = `${shown.method} ${shown.route} ${shown.status}`;
    const known = this.byOutcome.get(key);
    if (known) known.count += 1;
    else if (this.byOutcome.size < MOST_KEYS) this.byOutcome.set(key, { labels: shown, count: 1 });
    const histogram = this.byRoute.get(shown.route) ?? new DurationHistogram();
    histogram.add(ms);
    this.byRoute.set(shown.route, histogram);
  }

  private *counts(): Generator<MetricSample> {
    for (const { labels, count } of this.byOutcome.values()) yield { labels, value: count };
  }

  private *durations(): Generator<MetricSample> {
    for (const [route, histogram] of this.byRoute) yield* histogram.samples({ route });
  }
}
