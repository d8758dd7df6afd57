import type { ToolState } from '../supervisor/tool-snapshot';
import type { ProcessReading } from './process-meter';

/** MCPS.ONE at one moment; null: not known (yet). */
export interface SystemReading extends ProcessReading {
  /** Epoch milliseconds. */
  at: number;
  disk: { totalBytes: number; freeBytes: number } | null;
  tools: {
    total: number;
    byState: Record<ToolState, number>;
    processes: number;
    memoryBytes: number;
    cpuPercent: number;
  };
  gateway: { sessions: number; inFlight: number; callsPerSecond: number; errorRate: number };
  /** `requests`: since the start. */
  http: { requestsPerSecond: number; requests: number };
  recorder: { queued: number; written: number; dropped: number; spoolBytes: number };
  database: { latencyMs: number | null; sizeBytes: number | null };
}
