import { Global, Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { TypeOrmModule } from '@nestjs/typeorm';
import { JobRun } from './job-run.entity';
import { JobRunRepository } from './job-run.repository';
import { Scheduler } from './scheduler';

/**
 * Owns: when jobs run, that none runs twice at a time or without an end, what became of the last run.
 * Does not own: the jobs themselves; they are beside the services whose methods they call.
 */
@Global()
@Module({
  imports: [ScheduleModule.forRoot(), TypeOrmModule.forFeature([JobRun])],
  providers: [Scheduler, JobRunRepository],
  exports: [Scheduler],
})
export class SchedulerModule {}
