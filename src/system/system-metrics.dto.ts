import { ApiProperty } from '@nestjs/swagger';

const WHOLE = { type: 'integer', nullable: true } as const;

export class CpuPointView {
  processPercent: number | null;
  systemPercent: number | null;
}

export class MemoryPointView {
  @ApiProperty(WHOLE)
  rssBytes: number | null;
  @ApiProperty(WHOLE)
  heapUsedBytes: number | null;
  @ApiProperty(WHOLE)
  systemFreeBytes: number | null;
}

export class DiskPointView {
  @ApiProperty(WHOLE)
  freeBytes: number | null;
}

export class EventLoopPointView {
  /** The average of what each reading of five seconds said, as is p99Ms */
  p50Ms: number | null;
  p99Ms: number | null;
  utilization: number | null;
}

export class ToolsPointView {
  running: number | null;
  failed: number | null;
  processes: number | null;
  @ApiProperty(WHOLE)
  memoryBytes: number | null;
  cpuPercent: number | null;
}

export class GatewayPointView {
  sessions: number | null;
  inFlight: number | null;
  @ApiProperty(WHOLE)
  calls: number | null;
  callsPerSecond: number | null;
  errorRate: number | null;
  /** Half of the calls were answered (or timed out) within this time; null where there was no call */
  p50Ms: number | null;
  /** The same for 95 of 100 calls */
  p95Ms: number | null;
}

export class HttpPointView {
  requestsPerSecond: number | null;
}

export class RecorderPointView {
  queued: number | null;
  /** In this step, as is dropped */
  @ApiProperty(WHOLE)
  written: number | null;
  @ApiProperty(WHOLE)
  dropped: number | null;
  @ApiProperty(WHOLE)
  spoolBytes: number | null;
}

export class DatabasePointView {
  latencyMs: number | null;
  @ApiProperty(WHOLE)
  sizeBytes: number | null;
}

/** One step of time, with the members of the status; all values are null where MCPS.ONE did not run or nothing is kept. */
export class SystemPointView {
  /** The beginning of the step */
  @ApiProperty({ format: 'date-time' })
  at: string;
  cpu: CpuPointView;
  memory: MemoryPointView;
  disk: DiskPointView;
  eventLoop: EventLoopPointView;
  tools: ToolsPointView;
  gateway: GatewayPointView;
  http: HttpPointView;
  recorder: RecorderPointView;
  database: DatabasePointView;
}

export class SystemMetricsView {
  /** The beginning of the first step */
  @ApiProperty({ format: 'date-time' })
  from: string;
  /** The end of the last step */
  @ApiProperty({ format: 'date-time' })
  to: string;
  /** As asked for, or larger: see there */
  @ApiProperty({ type: 'integer' })
  stepSeconds: number;
  points: SystemPointView[];
}
