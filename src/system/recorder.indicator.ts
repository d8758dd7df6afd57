import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { DatabaseWatch } from '../database/database-watch';
import { DAMAGE_HINT } from '../database/write-gate';
import { Recorder } from '../logs/recorder.service';

/** Records that wait for so long say that their database takes none. */
const LATE_MS = 60_000;

/** Whether records get into the database, and what was lost. */
@Injectable()
export class RecorderIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly recorder: Recorder,
    private readonly database: DatabaseWatch,
  ) {}

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    const { queued, dropped, payloadsDropped, spoolBytes, lagMs } = this.recorder.counters;
    const facts = { queued, dropped, payloadsDropped, spoolBytes, lagMs };
    const { logDamage } = this.database.current;
    if (logDamage !== null) return indicator.down({ ...facts, message: `${logDamage} (the logs). ${DAMAGE_HINT}` });
    if (lagMs < LATE_MS) return indicator.up(facts);
    return indicator.down({ ...facts, message: 'Records wait in the spool: their database takes none' });
  }
}
