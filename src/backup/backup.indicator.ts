import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { toTimestamp } from '../common/clock';
import { BackupOverview } from './backup-overview';

/**
 * Warns when the newest verified backup is too old. It is `up` all the same: the service works, and a restart would make no
 * backup.
 */
@Injectable()
export class BackupIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly overview: BackupOverview,
  ) {}

  check<K extends string>(key: K) {
    const { newestVerified, ageSeconds, intervalSeconds, restoreSeconds, warning } = this.overview.look();
    const facts = {
      newestVerifiedAt: toTimestamp(newestVerified?.at ?? null),
      ageSeconds,
      intervalSeconds,
      restoreSeconds,
    };
    return this.indicators.check(key).up({ ...facts, warning });
  }
}
