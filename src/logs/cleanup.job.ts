import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { ScheduledJob } from '../scheduler/scheduled-job.types';
import { Scheduler } from '../scheduler/scheduler';
import { Settings } from '../settings/settings';
import { Retention } from './retention.service';

const HOUR_MS = 3_600_000;
const SIZE_JOB = 'log-size';

/** When the logs are cleaned up: each night by age, and every ten minutes by size. */
@Injectable()
export class CleanupJobs implements OnModuleInit {
  constructor(
    private readonly scheduler: Scheduler,
    private readonly settings: Settings,
    private readonly retention: Retention,
  ) {}

  onModuleInit(): void {
    const cleanup: ScheduledJob = {
      name: 'cleanup',
      schedule: () => this.settings.get('cleanup.schedule'),
      settings: ['cleanup.schedule'],
      timeoutMs: 2 * HOUR_MS,
      catchUp: true,
      run: (signal) => this.retention.deleteExpired(this.seenBefore(), signal),
    };
    const size: ScheduledJob = {
      name: SIZE_JOB,
      schedule: () => '*/10 * * * *',
      settings: [],
      timeoutMs: HOUR_MS,
      catchUp: false,
      run: (signal) => this.retention.keepToSize(this.seenBefore(), signal),
    };
    this.scheduler.register(cleanup);
    this.scheduler.register(size);
  }

  /** The job that runs most often has written down when it last did, also in an earlier life of this process. */
  private seenBefore(): number | null {
    return this.scheduler.list().find(({ name }) => name === SIZE_JOB)?.lastAt ?? null;
  }
}
