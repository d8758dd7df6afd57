import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDivisibleBy, IsInt, IsOptional, Max, Min } from 'class-validator';
import { QueryTime, TIME_MESSAGE } from '../common/query-time.decorator';
import { FINE_STEP_SECONDS, HOURS_KEPT_MS } from '../metrics/steps';

const MAX_STEP_SECONDS = HOURS_KEPT_MS / 1_000;

/** Which part of a series, and how fine. */
export class ToolMetricsQuery {
  /** From this time on; an hour before `to` if it is not given */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  from?: number;

  /** Before this time; now if it is not given */
  @ApiPropertyOptional({ type: String, format: 'date-time' })
  @IsOptional()
  @QueryTime()
  @IsInt(TIME_MESSAGE)
  to?: number;

  /**
   * Seconds between two points, a multiple of 10. Kept are steps of 10 s for 1 hour (in memory: a restart of MCPS.ONE
   * forgets them), minutes for 48 hours and hours for 30 days; for older times it is rounded up to a multiple of what is
   * kept. If it is not given, it is chosen so that there are at most about 360 points. There may be 5000.
   */
  @ApiPropertyOptional({ type: 'integer', minimum: FINE_STEP_SECONDS, maximum: MAX_STEP_SECONDS, multipleOf: 10 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(FINE_STEP_SECONDS)
  @Max(MAX_STEP_SECONDS)
  @IsDivisibleBy(FINE_STEP_SECONDS, { message: '$property must be a multiple of 10' })
  stepSeconds?: number;
}

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
