import { basename } from 'node:path';
import { Injectable } from '@nestjs/common';
import { Clock, toTimestamp } from '../common/clock';
import { VERSION } from '../common/version';
import { AppConfig } from '../config/app-config';
import { DatabaseInfo } from '../database/database-info';
import { LEGACY_VERSIONS, MODERN_VERSIONS } from '../mcp/revisions';
import { MetricStore } from '../metrics/metric-store';
import { Readings } from '../metrics/readings';
import type { SeriesRequest } from '../metrics/series-plan';
import { Scheduler } from '../scheduler/scheduler';
import type { JobState } from '../scheduler/scheduled-job.types';
import type { SystemMetricsView } from './system-metrics.dto';
import { SystemMeters } from './system-meters';
import { SystemMonitor } from './system-monitor';
import { toPointView } from './system-point';
import { SYSTEM_SERIES } from './system-series';
import type { JobView, SystemInfoView, SystemStatusView } from './system.dto';

/** What MCPS.ONE tells of itself. */
@Injectable()
export class SystemService {
  private readonly startedAt: number;
  private readonly started: number;

  constructor(
    private readonly config: AppConfig,
    private readonly database: DatabaseInfo,
    private readonly monitor: SystemMonitor,
    private readonly meters: SystemMeters,
    private readonly readings: Readings,
    private readonly scheduler: Scheduler,
    private readonly store: MetricStore,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
    this.started = clock.monotonic();
  }

  async info(): Promise<SystemInfoView> {
    const { type } = this.database;
    const [version, migrations] = await Promise.all([this.database.version(), this.database.migrations()]);
    return {
      name: this.config.projectName,
      version: VERSION,
      environment: this.config.environment,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      pid: process.pid,
      startedAt: toTimestamp(this.startedAt),
      database: { type, version, migrations },
      protocolVersions: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
    };
  }

  async status(): Promise<SystemStatusView> {
    await this.meters.refresh();
    const { cpu, memory, disk, eventLoop, tools, gateway, http, recorder, database } = this.monitor.current;
    const { last } = this.readings.backup();
    return {
      at: toTimestamp(this.clock.now()),
      uptimeSeconds: Math.round((this.clock.monotonic() - this.started) / 100) / 10,
      cpu,
      memory,
      // No path of the server leaves it.
      disk: {
        path: basename(this.config.dataDir),
        totalBytes: disk?.totalBytes ?? null,
        freeBytes: disk?.freeBytes ?? null,
      },
      eventLoop,
      tools,
      gateway,
      http: { requestsPerSecond: http.requestsPerSecond },
      recorder,
      database: { type: this.database.type, ...database },
      lastBackup: last === null ? null : { id: last.id, at: toTimestamp(last.at), verified: last.verified },
      jobs: this.scheduler.list().map(toJobView),
    };
  }

  /** @throws ValidationFailedError */
  async metrics(request: SeriesRequest): Promise<SystemMetricsView> {
    const { plan, points } = await this.store.read(SYSTEM_SERIES, request);
    const now = this.clock.now();
    return {
      from: toTimestamp(plan.from),
      to: toTimestamp(plan.to),
      stepSeconds: plan.stepSeconds,
      points: points.map(({ at, point }) => {
        const passed = Math.min(plan.stepSeconds, Math.max(1, (now - at) / 1_000));
        return toPointView(at, point, passed);
      }),
    };
  }
}

function toJobView({ name, running, nextAt, lastAt, lastOutcome }: JobState): JobView {
  return { name, running, nextAt: toTimestamp(nextAt), lastAt: toTimestamp(lastAt), lastOutcome };
}
