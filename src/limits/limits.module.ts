import { Module } from '@nestjs/common';
import { GuessThrottle } from './guess-throttle';
import { RequestLimits } from './request-limits';

/**
 * Owns: how often a caller may ask, and how fast passwords may be guessed; all of it in memory, none of it unbounded.
 * Does not own: where that is asked (auth/), how refusals are recorded (audit/).
 */
@Module({ providers: [GuessThrottle, RequestLimits], exports: [GuessThrottle, RequestLimits] })
export class LimitsModule {}
