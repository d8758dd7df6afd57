import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDivisibleBy, IsInt, IsOptional, Max, Min } from 'class-validator';
import { QueryTime, TIME_MESSAGE } from '../common/query-time.decorator';
import { FINE_STEP_SECONDS, HOURS_KEPT_MS } from './steps';

const MAX_STEP_SECONDS = HOURS_KEPT_MS / 1_000;

/** Which part of a series, and how fine. */
export class SeriesQuery {
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
