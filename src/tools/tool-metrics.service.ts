import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../common/clock';
import type { MetricPoint } from '../metrics/metric-point';
import { MetricStore } from '../metrics/metric-store';
import type { SeriesRequest } from '../metrics/series-plan';
import { TOOL_METRICS } from './tool-metrics-collector';
import type { ToolMetricsPointView, ToolMetricsView } from './tool-metrics.dto';
import { ToolRegistry } from './tool-registry';

/** What was measured of a tool, as a series. */
@Injectable()
export class ToolMetricsService {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly store: MetricStore,
  ) {}

  /** @throws ToolNotFoundError, ValidationFailedError */
  async read(idOrName: string, query: SeriesRequest): Promise<ToolMetricsView> {
    const { id } = await this.registry.get(idOrName);
    const { plan, points } = await this.store.read(id, query);
    return {
      from: toTimestamp(plan.from),
      to: toTimestamp(plan.to),
      stepSeconds: plan.stepSeconds,
      points: points.map(({ at, point }) => ({ at: toTimestamp(at), ...valuesOf(point) })),
    };
  }
}

function valuesOf(point: MetricPoint | null): Omit<ToolMetricsPointView, 'at'> {
  const { cpu, memory, calls, errors } = TOOL_METRICS;
  return {
    cpuPercent: rounded(point?.average(cpu) ?? null, 100),
    memoryBytes: rounded(point?.average(memory) ?? null, 1),
    calls: point?.counted(calls) ?? null,
    errors: point?.counted(errors) ?? null,
    p50Ms: rounded(point?.quantile(0.5) ?? null, 1_000),
    p95Ms: rounded(point?.quantile(0.95) ?? null, 1_000),
  };
}

function rounded(value: number | null, parts: number): number | null {
  return value === null ? null : Math.round(value * parts) / parts;
}
