import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { ScheduledJob } from '../scheduler/scheduled-job.types';
import { Scheduler } from '../scheduler/scheduler';
import type { SettingKey } from '../settings/catalogue';
import { Settings } from '../settings/settings';
import { BackupService } from './backup.service';
import { BackupOverview } from './backup-overview';

/** The scheduled backup. */
@Injectable()
export class BackupJob implements ScheduledJob, OnModuleInit {
  readonly name = 'backup';
  readonly settings: readonly SettingKey[] = ['backup.enabled', 'backup.schedule'];
  readonly timeoutMs = 6 * 3_600_000;
  readonly catchUp = true;
  private readonly logger = new Logger('Backup');

  constructor(
    private readonly scheduler: Scheduler,
    private readonly values: Settings,
    private readonly backups: BackupService,
    private readonly overview: BackupOverview,
  ) {}

  onModuleInit(): void {
    this.scheduler.register(this);
  }

  schedule(): string | null {
    return this.values.get('backup.enabled') ? this.values.get('backup.schedule') : null;
  }

  async run(): Promise<void> {
    const { error } = await this.backups.create('schedule', null).done;
    const { warning } = this.overview.look();
    if (warning !== null) this.logger.error(warning);
    if (error !== null) throw new Error(`${error.code}: ${error.message}`);
  }
}
