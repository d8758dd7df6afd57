import { randomInt } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { ScheduledJob } from '../scheduler/scheduled-job.types';
import { Scheduler } from '../scheduler/scheduler';
import type { SettingKey } from '../settings/catalogue';
import { Settings } from '../settings/settings';
import { BackupCatalogue } from './backup-catalogue';
import { BackupService } from './backup.service';

/** Sunday morning, when the nightly backup is done. */
const WEEKLY = '0 5 * * 0';

/** Once a week an old backup, any of them, is opened to see that it still is one: disks rot without a word. */
@Injectable()
export class BackupTestJob implements ScheduledJob, OnModuleInit {
  readonly name = 'backup-test';
  readonly settings: readonly SettingKey[] = ['backup.enabled'];
  readonly timeoutMs = 6 * 3_600_000;
  readonly catchUp = true;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly values: Settings,
    private readonly catalogue: BackupCatalogue,
    private readonly backups: BackupService,
  ) {}

  onModuleInit(): void {
    this.scheduler.register(this);
  }

  schedule(): string | null {
    return this.values.get('backup.enabled') ? WEEKLY : null;
  }

  async run(): Promise<void> {
    const [newest, ...older] = this.catalogue.list().filter(({ state }) => state === 'completed');
    const chosen = older[randomInt(Math.max(1, older.length))] ?? newest;
    if (chosen === undefined) return;
    const { verification } = await this.backups.verify(chosen.id).done;
    const error = verification?.error ?? null;
    if (error !== null)
      throw new Error(`The backup ${chosen.id} is not good any more: ${error.code}: ${error.message}`);
  }
}
