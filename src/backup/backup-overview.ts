import { Injectable } from '@nestjs/common';
import { CronTime } from 'cron';
import { Clock } from '../common/clock';
import { Settings } from '../settings/settings';
import { BackupCatalogue } from './backup-catalogue';
import { isVerified } from './backup-retention';

/** How the backups stand: what can be lost, how long it takes to be back, whether somebody should look. */
export interface BackupOutlook {
  /** The newest one that was tried, however that ended. */
  last: { id: string; at: number; verified: boolean } | null;
  newestVerified: { id: string; at: number } | null;
  /** How old the newest verified one is: what would be lost now. Null: all of it. */
  ageSeconds: number | null;
  /** What the schedule promises as most of it; null while it is off. */
  intervalSeconds: number | null;
  /** From the last restore, else from the last verification, which does the most of one. */
  restoreSeconds: number | null;
  /** Why somebody should look; null: all is well. */
  warning: string | null;
}

/** With nothing made yet a new installation has this time before anybody is alarmed. */
const PATIENCE_INTERVALS = 2;

/** What the schedule says between two of its times: nothing of it changes before the next one. */
interface Interval {
  schedule: string;
  /** Epoch milliseconds. */
  from: number;
  next: number;
  ms: number;
}

/** Sums up the catalogue, from measured values alone. */
@Injectable()
export class BackupOverview {
  private readonly startedAt: number;
  /** Kept: to reckon it costs more than all else that is read for a status, which streams ask for every few seconds. */
  private interval: Interval | null = null;

  constructor(
    private readonly catalogue: BackupCatalogue,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
  }

  look(): BackupOutlook {
    const all = this.catalogue.list();
    const now = this.clock.now();
    const ended = all.find(({ state, trigger }) => state !== 'running' && trigger !== 'upload');
    const verified = all.find(isVerified);
    const intervalMs = this.intervalMs(now);
    const ageMs = verified === undefined ? null : Math.max(0, now - verified.createdAt);
    return {
      last: ended === undefined ? null : { id: ended.id, at: ended.createdAt, verified: isVerified(ended) },
      newestVerified: verified === undefined ? null : { id: verified.id, at: verified.createdAt },
      ageSeconds: ageMs === null ? null : Math.round(ageMs / 1000),
      intervalSeconds: intervalMs === null ? null : Math.round(intervalMs / 1000),
      restoreSeconds: this.restoreSeconds(),
      warning: this.warning(ageMs ?? now - this.startedAt, intervalMs, verified !== undefined),
    };
  }

  private warning(ageMs: number, intervalMs: number | null, hasOne: boolean): string | null {
    const newest = this.catalogue.list().find(({ state }) => state === 'completed');
    if (newest?.verification?.state === 'failed') return 'The newest backup is not good any more: make another one';
    if (intervalMs === null || ageMs <= PATIENCE_INTERVALS * intervalMs) return null;
    return hasOne
      ? 'The newest verified backup is older than two intervals of the schedule'
      : 'There is no verified backup, although the schedule has come round twice';
  }

  private intervalMs(now: number): number | null {
    if (!this.settings.get('backup.enabled')) return null;
    const schedule = this.settings.get('backup.schedule');
    const known = this.interval;
    if (known?.schedule === schedule && known.from <= now && now < known.next) return known.ms;
    const time = new CronTime(schedule);
    const next = time.getNextDateFrom(new Date(now));
    const ms = time.getNextDateFrom(next).toMillis() - next.toMillis();
    this.interval = { schedule, from: now, next: next.toMillis(), ms };
    return ms;
  }

  private restoreSeconds(): number | null {
    const times = this.catalogue.list().map(({ restore, verification }) => ({
      restored: restore?.state === 'completed' ? restore.durationMs : null,
      verified: verification?.state === 'passed' ? verification.durationMs : null,
    }));
    const ms =
      times.find(({ restored }) => restored !== null)?.restored ??
      times.find(({ verified }) => verified !== null)?.verified;
    return ms === undefined || ms === null ? null : Math.ceil(ms / 1000);
  }
}
