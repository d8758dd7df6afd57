import { toTimestamp } from '../common/clock';
import type { MetricPoint } from '../metrics/metric-point';
import type { SystemPointView } from './system-metrics.dto';
import { SYSTEM_VALUES as V } from './system-series';

/** A point of the series as the API shows it. `seconds`: how much of its step has passed. */
export function toPointView(at: number, point: MetricPoint | null, seconds: number): SystemPointView {
  const average = (name: string, parts: number) => rounded(point?.average(name) ?? null, parts);
  const counted = (name: string) => point?.counted(name) ?? null;
  const rate = (name: string) => rounded(point === null ? null : point.counted(name) / seconds, 1_000);
  const calls = counted(V.calls);
  return {
    at: toTimestamp(at),
    cpu: { processPercent: average(V.cpu, 100), systemPercent: average(V.systemCpu, 100) },
    memory: {
      rssBytes: average(V.rss, 1),
      heapUsedBytes: average(V.heapUsed, 1),
      systemFreeBytes: average(V.systemFree, 1),
    },
    disk: { freeBytes: average(V.diskFree, 1) },
    eventLoop: {
      p50Ms: average(V.loopP50, 100),
      p99Ms: average(V.loopP99, 100),
      utilization: average(V.loopUtilization, 10_000),
    },
    tools: {
      running: average(V.toolsRunning, 100),
      failed: average(V.toolsFailed, 100),
      processes: average(V.toolProcesses, 100),
      memoryBytes: average(V.toolsMemory, 1),
      cpuPercent: average(V.toolsCpu, 100),
    },
    gateway: {
      sessions: average(V.sessions, 100),
      inFlight: average(V.inFlight, 100),
      calls,
      callsPerSecond: rate(V.calls),
      errorRate: calls === null ? null : calls === 0 ? 0 : rounded((counted(V.errors) ?? 0) / calls, 10_000),
      p50Ms: rounded(point?.quantile(0.5) ?? null, 1_000),
      p95Ms: rounded(point?.quantile(0.95) ?? null, 1_000),
    },
    http: { requestsPerSecond: rate(V.requests) },
    recorder: {
      queued: average(V.queued, 100),
      written: counted(V.written),
      dropped: counted(V.dropped),
      spoolBytes: average(V.spoolBytes, 1),
    },
    database: { latencyMs: average(V.databaseLatency, 1_000), sizeBytes: average(V.databaseSize, 1) },
  };
}

function rounded(value: number | null, parts: number): number | null {
  return value === null ? null : Math.round(value * parts) / parts;
}
