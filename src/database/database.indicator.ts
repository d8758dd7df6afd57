import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { DatabaseInfo } from './database-info';
import { DatabaseWatch } from './database-watch';
import { DAMAGE_HINT } from './write-gate';

/** Whether the database answers and is the one we have open, from what is known: asking costs nothing. */
@Injectable()
export class DatabaseIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: DatabaseInfo,
    private readonly watch: DatabaseWatch,
  ) {}

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    const { up, damage } = this.watch.current;
    const facts = { type: this.database.type };
    if (up) return indicator.up(facts);
    const message = damage === null ? 'The database does not answer' : `${damage}. ${DAMAGE_HINT}`;
    return indicator.down({ ...facts, message });
  }
}
