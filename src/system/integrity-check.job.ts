import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DatabaseIntegrity } from '../database/database-integrity';
import type { ScheduledJob } from '../scheduler/scheduled-job.types';
import { Scheduler } from '../scheduler/scheduler';

/** A quarter past four: backups and the clean-up of the logs are done by then. */
const NIGHTLY = '15 4 * * *';
const LIMIT_MS = 30 * 60_000;

/** Looks each night whether the database's pages are sound (F52). What it finds is told in `/system/health`. */
@Injectable()
export class IntegrityCheckJob implements ScheduledJob, OnModuleInit {
  readonly name = 'integrity-check';
  readonly settings = [];
  readonly timeoutMs = LIMIT_MS;
  readonly catchUp = true;
  private readonly logger = new Logger('Database');

  constructor(
    private readonly integrity: DatabaseIntegrity,
    private readonly scheduler: Scheduler,
  ) {}

  onModuleInit(): void {
    if (this.integrity.isChecked) this.scheduler.register(this);
  }

  schedule(): string {
    return NIGHTLY;
  }

  async run(): Promise<void> {
    const { ok, problems } = await this.integrity.check(LIMIT_MS / 2);
    if (ok === true) return;
    this.logger.fatal('The database is damaged: restore a backup (npm run backup:restore)', { problems });
    throw new Error(`The database is damaged: ${problems[0] ?? 'unknown'}`);
  }
}
