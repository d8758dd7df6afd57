import { ApiProperty } from '@nestjs/swagger';

/** One step of time. All values are null where the tool did not run, or nothing is kept. */
export class ToolMetricsPointView {
  /** The beginning of the step */
  @ApiProperty({ format: 'date-time' })
  at: string;
  /** Of the whole process group, in percent of one core: the average of samples taken every 5 seconds; null for remote tools */
  cpuPercent: number | null;
  /** Of the whole process group: the average of samples; pages that processes share count for each; null for remote tools */
  @ApiProperty({ type: 'integer', nullable: true })
  memoryBytes: number | null;
  /** Requests of clients that ended, whatever the method; what MCPS.ONE asks by itself does not count */
  @ApiProperty({ type: 'integer', nullable: true })
  calls: number | null;
  /** Those that ended with `isError`, a JSON-RPC error, a timeout or a broken connection; cancelled ones are none */
  @ApiProperty({ type: 'integer', nullable: true })
  errors: number | null;
  /** Half of the calls were answered (or timed out) within this time; right within 2 percent; null where there was no call */
  p50Ms: number | null;
  /** The same for 95 of 100 calls */
  p95Ms: number | null;
}

export class ToolMetricsView {
  /** The beginning of the first step */
  @ApiProperty({ format: 'date-time' })
  from: string;
  /** The end of the last step */
  @ApiProperty({ format: 'date-time' })
  to: string;
  /** As asked for, or larger: see there */
  @ApiProperty({ type: 'integer' })
  stepSeconds: number;
  points: ToolMetricsPointView[];
}
