import { Injectable } from '@nestjs/common';
import { LoadShedder } from '../availability/load-shedder';
import { Maintenance } from '../availability/maintenance';
import { Clock } from '../common/clock';
import { VERSION } from '../common/version';
import { DatabaseWatch } from '../database/database-watch';
import { Recorder } from '../logs/recorder.service';
import { MetricFamilies, type MetricFamily, type MetricSample } from '../metrics/metric-families';
import { Readings } from '../metrics/readings';
import type { ToolSnapshot } from '../supervisor/tool-snapshot';
import { SystemMeters } from './system-meters';

/** What `GET /metrics` shows of MCPS.ONE and its tools, beside what others register themselves. */
@Injectable()
export class SystemFamilies {
  constructor(
    private readonly families: MetricFamilies,
    private readonly meters: SystemMeters,
    private readonly recorder: Recorder,
    private readonly readings: Readings,
    private readonly clock: Clock,
  ) {
    this.addTools();
    this.addRecorder();
    this.addRest();
  }

  /** Of what the platform knows of itself. */
  addPlatform(database: DatabaseWatch, maintenance: Maintenance, shedder: LoadShedder): void {
    const { families } = this;
    const gauge = families.value.bind(families, 'gauge');
    gauge('mcps_database_up', 'Whether the database answers', () => Number(database.current.up));
    gauge('mcps_database_latency_seconds', 'How long its last answer took', () => seconds(database.current.latencyMs));
    families.value('counter', 'mcps_http_shed_total', 'Requests refused for want of memory', () => shedder.refused);
    gauge('mcps_maintenance', 'Whether MCPS.ONE is in maintenance', () => Number(maintenance.current !== null));
  }

  private addTools(): void {
    const { meters } = this;
    this.families.register({
      name: 'mcps_tools',
      help: 'Registered tools by state',
      type: 'gauge',
      collect: () =>
        Object.entries(meters.tools.read().tools.byState).map(([state, value]) => ({ labels: { state }, value })),
    });
    const perTool = (
      type: MetricFamily['type'],
      name: MetricFamily['name'],
      help: string,
      read: (snapshot: ToolSnapshot) => number | null,
    ): void => {
      const collect = function* (): Generator<MetricSample> {
        for (const { name: tool, snapshot } of meters.tools.snapshots()) {
          const value = read(snapshot);
          if (value !== null) yield { labels: { tool }, value };
        }
      };
      this.families.register({ name, help, type, collect });
    };
    perTool('gauge', 'mcps_tool_running', 'Whether a tool runs', ({ state }) => Number(state === 'running'));
    perTool('counter', 'mcps_tool_restarts_total', 'Restarts after a failure', ({ restarts }) => restarts);
    perTool('gauge', 'mcps_tool_in_flight', 'Calls without an answer yet', ({ inFlight }) => inFlight);
    perTool('gauge', 'mcps_tool_processes', 'Processes of its group', ({ usage }) => usage?.processes ?? null);
    perTool(
      'gauge',
      'mcps_tool_memory_bytes',
      'Resident memory of its group',
      ({ usage }) => usage?.memoryBytes ?? null,
    );
    perTool(
      'gauge',
      'mcps_tool_cpu_percent',
      'CPU of its group in percent of one core',
      ({ usage }) => usage?.cpuPercent ?? null,
    );
  }

  private addRecorder(): void {
    const { families, recorder } = this;
    const gauge = families.value.bind(families, 'gauge');
    gauge('mcps_recorder_queued', 'Records that are not in the database yet', () => recorder.counters.queued);
    gauge('mcps_recorder_spool_bytes', 'Size of the spool', () => recorder.counters.spoolBytes);
    gauge('mcps_recorder_flush_seconds', 'How long the last commit took', () => seconds(recorder.counters.flushMs));
    gauge('mcps_recorder_lag_seconds', 'Age of the oldest record that waits', () => seconds(recorder.counters.lagMs));
    families.value(
      'counter',
      'mcps_recorder_written_total',
      'Records in the database',
      () => recorder.counters.written,
    );
    families.register({
      name: 'mcps_recorder_dropped_total',
      help: 'Records (or only payloads) given up, by reason; those of deleted tools have no tool',
      type: 'counter',
      collect: () => this.dropped(),
    });
  }

  private dropped(): MetricSample[] {
    const existing = new Set(this.meters.tools.names.values());
    const sums = new Map<string, MetricSample>();
    for (const { tool, reason, what, count } of this.recorder.counters.droppedBy) {
      const labels = { tool: tool !== null && existing.has(tool) ? tool : '', reason, what };
      const key = Object.values(labels).join(' ');
      sums.set(key, { labels, value: (sums.get(key)?.value ?? 0) + count });
    }
    return [...sums.values()];
  }

  private addRest(): void {
    const { families, meters, readings, clock } = this;
    const gauge = families.value.bind(families, 'gauge');
    families.register({
      name: 'mcps_info',
      help: 'The version that runs',
      type: 'gauge',
      collect: () => [{ labels: { version: VERSION }, value: 1 }],
    });
    gauge('mcps_gateway_sessions', 'Sessions of MCP clients', () => meters.gateway().sessions);
    gauge('mcps_gateway_in_flight', 'Calls of clients without an answer yet', () => meters.gateway().inFlight);
    gauge('mcps_database_size_bytes', 'Size of the database', () => meters.storage.current.databaseBytes);
    gauge('mcps_disk_free_bytes', 'Free space of the disk with DATA_DIR', () => {
      return meters.storage.current.disk?.freeBytes ?? null;
    });
    gauge('mcps_backup_newest_verified_age_seconds', 'Age of the newest backup that a test restore has proven', () => {
      const at = readings.backup().newestVerifiedAt;
      return at === null ? null : Math.max(0, seconds(clock.now() - at));
    });
  }
}

function seconds(ms: number): number;
function seconds(ms: number | null): number | null;
function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
