import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HealthParts, type PartHealth } from '../availability/health-parts';
import { toTimestamp } from '../common/clock';
import { Readings } from '../metrics/readings';
import { BackupOverview } from './backup-overview';

/** Tells of the backups in `/system/health`, `/system/status` and `/metrics`. */
@Injectable()
export class BackupReport implements OnModuleInit {
  constructor(
    private readonly overview: BackupOverview,
    private readonly parts: HealthParts,
    private readonly readings: Readings,
  ) {}

  onModuleInit(): void {
    this.parts.register({ name: 'backup', check: () => this.health() });
    this.readings.backup = () => {
      const { last, newestVerified } = this.overview.look();
      return { last, newestVerifiedAt: newestVerified?.at ?? null };
    };
  }

  /** With a warning it is `up` all the same: the service works, and a restart would make no backup. */
  private health(): PartHealth {
    const { newestVerified, ageSeconds, intervalSeconds, restoreSeconds, warning } = this.overview.look();
    const newestVerifiedAt = toTimestamp(newestVerified?.at ?? null);
    return { status: 'up', newestVerifiedAt, ageSeconds, intervalSeconds, restoreSeconds, warning };
  }
}
