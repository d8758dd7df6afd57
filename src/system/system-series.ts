import type { MetricPoint } from '../metrics/metric-point';
import type { SystemReading } from './system-reading.types';

/** No tool has it: those are named by their ids. */
export const SYSTEM_SERIES = 'system';

/** What is kept of each reading; stored under these names. */
export const SYSTEM_VALUES = {
  cpu: 'cpu',
  systemCpu: 'systemCpu',
  rss: 'rss',
  heapUsed: 'heapUsed',
  systemFree: 'systemFree',
  diskFree: 'diskFree',
  loopP50: 'loopP50',
  loopP99: 'loopP99',
  loopUtilization: 'loopUtilization',
  toolsRunning: 'toolsRunning',
  toolsFailed: 'toolsFailed',
  toolProcesses: 'toolProcesses',
  toolsMemory: 'toolsMemory',
  toolsCpu: 'toolsCpu',
  sessions: 'sessions',
  inFlight: 'inFlight',
  queued: 'queued',
  spoolBytes: 'spoolBytes',
  databaseLatency: 'databaseLatency',
  databaseSize: 'databaseSize',
  /** Counted as they happen. */
  calls: 'calls',
  errors: 'errors',
  /** Counted as differences of readings. */
  requests: 'requests',
  written: 'written',
  dropped: 'dropped',
} as const;

/** Adds a reading to a step of the series. */
export function noteReading(point: MetricPoint, reading: SystemReading, before: SystemReading | null): void {
  const { cpu, memory, disk, eventLoop, tools, gateway, http, recorder, database } = reading;
  const sample = (name: string, value: number | null): void => {
    if (value !== null) point.sample(name, value);
  };
  sample(SYSTEM_VALUES.cpu, cpu.processPercent);
  sample(SYSTEM_VALUES.systemCpu, cpu.systemPercent);
  sample(SYSTEM_VALUES.rss, memory.rssBytes);
  sample(SYSTEM_VALUES.heapUsed, memory.heapUsedBytes);
  sample(SYSTEM_VALUES.systemFree, memory.systemFreeBytes);
  sample(SYSTEM_VALUES.diskFree, disk?.freeBytes ?? null);
  sample(SYSTEM_VALUES.loopP50, eventLoop.p50Ms);
  sample(SYSTEM_VALUES.loopP99, eventLoop.p99Ms);
  sample(SYSTEM_VALUES.loopUtilization, eventLoop.utilization);
  sample(SYSTEM_VALUES.toolsRunning, tools.byState.running);
  sample(SYSTEM_VALUES.toolsFailed, tools.byState.failed);
  sample(SYSTEM_VALUES.toolProcesses, tools.processes);
  sample(SYSTEM_VALUES.toolsMemory, tools.memoryBytes);
  sample(SYSTEM_VALUES.toolsCpu, tools.cpuPercent);
  sample(SYSTEM_VALUES.sessions, gateway.sessions);
  sample(SYSTEM_VALUES.inFlight, gateway.inFlight);
  sample(SYSTEM_VALUES.queued, recorder.queued);
  sample(SYSTEM_VALUES.spoolBytes, recorder.spoolBytes);
  sample(SYSTEM_VALUES.databaseLatency, database.latencyMs);
  sample(SYSTEM_VALUES.databaseSize, database.sizeBytes);
  point.count(SYSTEM_VALUES.requests, http.requests - (before?.http.requests ?? 0));
  point.count(SYSTEM_VALUES.written, Math.max(0, recorder.written - (before?.recorder.written ?? 0)));
  point.count(SYSTEM_VALUES.dropped, Math.max(0, recorder.dropped - (before?.recorder.dropped ?? 0)));
}
