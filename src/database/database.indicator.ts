import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Clock } from '../common/clock';
import { DatabaseInfo } from './database-info';

const LIMIT_MS = 1_000;
/** A verdict is good for this long: probes must not become load. */
const FRESH_MS = 2_000;

interface Verdict {
  at: number;
  up: boolean;
}

/** Whether the database answers, asked at most every two seconds and never waited for longer than one. */
@Injectable()
export class DatabaseIndicator {
  private verdict: Promise<Verdict> | null = null;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: DatabaseInfo,
    private readonly clock: Clock,
  ) {}

  async check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    const { up } = await this.current();
    const facts = { type: this.database.type };
    return up ? indicator.up(facts) : indicator.down({ ...facts, message: 'The database does not answer' });
  }

  private async current(): Promise<Verdict> {
    const known = await this.verdict;
    if (known && this.clock.monotonic() - known.at < FRESH_MS) return known;
    this.verdict = this.ask();
    return this.verdict;
  }

  private async ask(): Promise<Verdict> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), LIMIT_MS)));
    const answer = this.database.ping().then(
      () => true,
      () => false,
    );
    const up = await Promise.race([answer, limit]);
    clearTimeout(timer);
    return { at: this.clock.monotonic(), up };
  }
}
