import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock';
import { OWN_CLIENT } from '../mcp/peer.types';
import type { TrafficRecord, TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import type { LiveSeries } from '../metrics/live-series';
import { MetricStore } from '../metrics/metric-store';
import { ResourceSampler } from '../supervisor/resource-sampler';
import { SupervisorService } from '../supervisor/supervisor.service';
import { STOPPED_SNAPSHOT } from '../supervisor/tool-snapshot';

/** What is measured of a tool; stored under these names. */
export const TOOL_METRICS = { cpu: 'cpuPercent', memory: 'memoryBytes', calls: 'calls', errors: 'errors' } as const;

/**
 * Measures tools: what they use, at each round of the sampler, and what clients call, as it passes. A tool that runs has
 * a point in every step, also where nobody called it; one that does not has none. The series is named by the tool's id.
 */
@Injectable()
export class ToolMetricsCollector implements TrafficSink, OnModuleInit {
  /** Of the tools that have run since our start. Trials never tell that they are ready, so they are not among them. */
  private readonly series = new Map<string, LiveSeries>();

  constructor(
    private readonly store: MetricStore,
    private readonly tap: TrafficTap,
    private readonly sampler: ResourceSampler,
    private readonly supervisor: SupervisorService,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.tap.connect(this);
    this.sampler.onSample(() => this.takeSamples());
    this.supervisor.onReady((toolId) => this.onReady(toolId));
  }

  /** Counts the ends of calls that clients made: not what MCPS.ONE asks itself, and no answer that came too late. */
  record({ direction, outcome, client, toolId, late, at, durationMs }: TrafficRecord): void {
    if (outcome === null || direction !== 'from-server' || late === true) return;
    if (client === null || client === OWN_CLIENT) return;
    const point = this.series.get(toolId)?.at(at);
    if (point === undefined) return;
    point.count(TOOL_METRICS.calls);
    if (outcome !== 'ok' && outcome !== 'cancelled') point.count(TOOL_METRICS.errors);
    // One that was given up, or never came through, says nothing about how fast the tool is.
    if (durationMs !== null && outcome !== 'cancelled' && outcome !== 'transport_error') point.duration(durationMs);
  }

  private onReady(toolId: string): void {
    const series = this.store.open(toolId);
    this.series.set(toolId, series);
    series.at(this.clock.now());
  }

  private takeSamples(): void {
    const now = this.clock.now();
    for (const [toolId, series] of this.series) {
      const snapshot = this.supervisor.snapshot(toolId);
      if (snapshot === STOPPED_SNAPSHOT) {
        // The supervisor does not know it any more: it has been deleted.
        this.series.delete(toolId);
        this.store.end(toolId);
      }
      if (snapshot.state !== 'running') continue;
      const point = series.at(now);
      const { usage } = snapshot;
      if (usage === null) continue;
      point.sample(TOOL_METRICS.memory, usage.memoryBytes);
      if (usage.cpuPercent !== null) point.sample(TOOL_METRICS.cpu, usage.cpuPercent);
    }
  }
}
