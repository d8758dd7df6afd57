import { Injectable } from '@nestjs/common';
import type { Metric, Registry } from 'prom-client';
import { MetricFamilies, type MetricFamily } from '../metrics/metric-families';
import { SystemMeters } from './system-meters';

const PREFIX = 'mcps_';
/** Default metrics of the library look at the event loop in these steps: finer ones wake the process for nothing. */
const LOOP_STEP_MS = 100;

/** What Prometheus scrapes, as text. The library that formats it is loaded at the first scrape: most never see one. */
@Injectable()
export class PrometheusService {
  private registry: Promise<Registry> | null = null;

  constructor(
    private readonly families: MetricFamilies,
    private readonly meters: SystemMeters,
  ) {}

  async render(): Promise<{ text: string; contentType: string }> {
    this.registry ??= this.open();
    const registry = await this.registry;
    await this.meters.refresh();
    return { text: await registry.metrics(), contentType: registry.contentType };
  }

  private async open(): Promise<Registry> {
    const { collectDefaultMetrics, Registry: NewRegistry } = await import('prom-client');
    const registry = new NewRegistry();
    collectDefaultMetrics({ register: registry, prefix: PREFIX, eventLoopMonitoringPrecision: LOOP_STEP_MS });
    for (const family of this.families.all) registry.registerMetric(metricOf(family));
    return registry;
  }
}

/**
 * A family in the library's shape. Its own gauges and counters would want every value pushed as it changes, and remember
 * what is gone; all that it asks a metric for when it is scraped is this.
 */
function metricOf({ name, help, type, collect }: MetricFamily): Metric {
  const get = () => {
    const values = [...collect()].map(({ suffix = '', labels, value }) => ({
      metricName: `${name}${suffix}`,
      labels,
      value,
    }));
    return Promise.resolve({ name, help, type, values, aggregator: 'sum' });
  };
  return { name, help, type, get } as unknown as Metric;
}
