import { ApiProperty } from '@nestjs/swagger';
import { TOOL_STATES, type ToolState } from '../supervisor/tool-snapshot';

const INTEGER = { type: 'integer' } as const;
const BYTES_OR_NULL = { type: 'integer', nullable: true } as const;

export class MigrationsView {
  @ApiProperty(INTEGER)
  applied: number;
  @ApiProperty(INTEGER)
  pending: number;
}

export class DatabaseInfoView {
  @ApiProperty({ enum: ['sqlite', 'postgres'] })
  type: string;
  /** As the database says it */
  version: string;
  migrations: MigrationsView;
}

/** What does not change while MCPS.ONE runs. */
export class SystemInfoView {
  name: string;
  version: string;
  environment: string;
  node: string;
  /** System and architecture */
  platform: string;
  @ApiProperty(INTEGER)
  pid: number;
  @ApiProperty({ format: 'date-time' })
  startedAt: string;
  database: DatabaseInfoView;
  /** Revisions of MCP that are spoken, newest first */
  protocolVersions: string[];
}

export class CpuView {
  /** Of this process, in percent of one core, over the last five seconds */
  processPercent: number | null;
  /** Of the machine, in percent of all cores */
  systemPercent: number | null;
  @ApiProperty(INTEGER)
  cores: number;
  /** Of 1, 5 and 15 minutes */
  @ApiProperty({ type: [Number] })
  loadAverage: number[];
}

export class MemoryView {
  @ApiProperty(INTEGER)
  rssBytes: number;
  @ApiProperty(INTEGER)
  heapUsedBytes: number;
  @ApiProperty(INTEGER)
  systemTotalBytes: number;
  @ApiProperty(INTEGER)
  systemFreeBytes: number;
}

/** Of the disk with DATA_DIR. */
export class DiskView {
  /** Name of the folder */
  path: string;
  @ApiProperty(BYTES_OR_NULL)
  totalBytes: number | null;
  @ApiProperty(BYTES_OR_NULL)
  freeBytes: number | null;
}

export class EventLoopView {
  /** How late timers came, in milliseconds */
  p50Ms: number;
  p99Ms: number;
  /** Part of the time in which the loop was busy */
  utilization: number;
}

export class ToolsTotalView {
  /** All that are registered */
  @ApiProperty(INTEGER)
  total: number;
  @ApiProperty({
    type: 'object',
    properties: Object.fromEntries(TOOL_STATES.map((state) => [state, INTEGER])),
    required: [...TOOL_STATES],
  })
  byState: Record<ToolState, number>;
  /** Of all tools together, as are memory and CPU */
  @ApiProperty(INTEGER)
  processes: number;
  @ApiProperty(INTEGER)
  memoryBytes: number;
  cpuPercent: number;
}

export class GatewayTotalView {
  /** Of MCP clients */
  @ApiProperty(INTEGER)
  sessions: number;
  /** Calls without an answer yet */
  @ApiProperty(INTEGER)
  inFlight: number;
  /** Over the last minute; calls by REST are among them */
  callsPerSecond: number;
  /** Part of the calls of the last minute that failed, from 0 to 1 */
  errorRate: number;
}

export class HttpTotalView {
  /** Over the last minute */
  requestsPerSecond: number;
}

export class RecorderTotalView {
  /** Records that are not in the database yet */
  @ApiProperty(INTEGER)
  queued: number;
  /** Since the start, as is dropped */
  @ApiProperty(INTEGER)
  written: number;
  @ApiProperty(INTEGER)
  dropped: number;
  @ApiProperty(INTEGER)
  spoolBytes: number;
}

export class DatabaseTotalView {
  @ApiProperty({ enum: ['sqlite', 'postgres'] })
  type: string;
  /** Of the last round trip; null before the first */
  latencyMs: number | null;
  @ApiProperty(BYTES_OR_NULL)
  sizeBytes: number | null;
}

export class LastBackupView {
  id: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
  verified: boolean;
}

export class JobView {
  name: string;
  running: boolean;
  /** Null while it is switched off */
  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  nextAt: string | null;
  @ApiProperty({ format: 'date-time', type: String, nullable: true })
  lastAt: string | null;
  @ApiProperty({ enum: ['success', 'failure', 'timeout', 'interrupted'], nullable: true })
  lastOutcome: string | null;
}

/** MCPS.ONE now. */
export class SystemStatusView {
  @ApiProperty({ format: 'date-time' })
  at: string;
  uptimeSeconds: number;
  cpu: CpuView;
  memory: MemoryView;
  disk: DiskView;
  eventLoop: EventLoopView;
  tools: ToolsTotalView;
  gateway: GatewayTotalView;
  http: HttpTotalView;
  recorder: RecorderTotalView;
  database: DatabaseTotalView;
  @ApiProperty({ type: LastBackupView, nullable: true })
  lastBackup: LastBackupView | null;
  jobs: JobView[];
}
