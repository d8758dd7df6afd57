import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { toTimestamp } from '../common/clock';
import { DatabaseIntegrity } from '../database/database-integrity';

/** What the nightly look at the database's pages found. It is no matter of readiness: what can be read is served. */
@Injectable()
export class IntegrityIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly integrity: DatabaseIntegrity,
  ) {}

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    const { ok, checkedAt, problems } = this.integrity.current;
    const facts = { checkedAt: toTimestamp(checkedAt) };
    if (ok !== false) return indicator.up(facts);
    return indicator.down({ ...facts, problems, message: 'The database is damaged: restore a backup' });
  }
}
