import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { DatabaseWriters } from '../database/database-writers';
import { Transactions } from '../database/transactions';
import type { LiveSeries, UnsavedMinute } from './live-series';
import { MetricPointRow } from './metric-point.entity';
import { MetricPointRepository } from './metric-point.repository';
import { MetricRollUp } from './metric-roll-up';
import { MetricStore } from './metric-store';
import { HOUR_MS, MINUTE_MS, MINUTE_SECONDS, startOfStep } from './steps';

/** The last write waits this long at most. */
const SHUTDOWN_MS = 3_000;

interface Written {
  series: LiveSeries;
  minute: number;
  unsaved: UnsavedMinute;
}

/**
 * Saves the minutes that are over, once a minute and in one transaction; at shutdown also the one under way, which the
 * next start goes on with. A database that is away is told once, counted, and tried again; the minutes wait meanwhile.
 */
@Injectable()
export class MetricWriter implements OnModuleInit, OnApplicationBootstrap {
  readonly counters = { written: 0, failures: 0 };
  private readonly logger = new Logger('Metrics');
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;
  private troubled = false;
  private lastCleaning = -Infinity;
  /** One piece of work after the other. */
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: MetricStore,
    private readonly rows: MetricPointRepository,
    private readonly rollUp: MetricRollUp,
    private readonly transactions: Transactions,
    private readonly writers: DatabaseWriters,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.writers.register(() => this.close());
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  /** Does what is due at a minute's end: saves minutes, makes hours, deletes what is old. Never rejects. */
  tick(): Promise<void> {
    this.work = this.work.then(() => this.guarded(() => this.doTick()));
    return this.work;
  }

  private async doTick(): Promise<void> {
    const now = this.clock.now();
    const current = startOfStep(now, MINUTE_MS);
    await this.save((minute) => minute !== current);
    this.store.forgetEnded();
    await this.rollUp.rollUp(now);
    if (this.clock.monotonic() - this.lastCleaning < HOUR_MS) return;
    await this.rollUp.deleteOld(now);
    this.lastCleaning = this.clock.monotonic();
  }

  private async save(isDue: (minute: number) => boolean): Promise<void> {
    const due: { name: string; series: LiveSeries; minute: number }[] = [];
    for (const [name, series] of this.store.entries()) {
      series.settle();
      for (const minute of series.unsaved.keys()) if (isDue(minute)) due.push({ name, series, minute });
    }
    if (due.length === 0) return;
    const minutes = [...new Set(due.map(({ minute }) => minute))];
    const stored = new Map(
      (await this.rows.listAt(MINUTE_SECONDS, minutes)).map(({ series, at, data }) => [`${series} ${at}`, data]),
    );
    const written: Written[] = [];
    const rows: MetricPointRow[] = [];
    for (const { name, series, minute } of due) {
      const unsaved = series.complete(minute, stored.get(`${name} ${minute}`) ?? null);
      if (unsaved === null) continue;
      written.push({ series, minute, unsaved });
      const row = { series: name, stepSeconds: MINUTE_SECONDS, at: minute, data: unsaved.text };
      rows.push(Object.assign(new MetricPointRow(), row));
    }
    await this.transactions.run((tx) => this.rows.save(rows, tx));
    for (const { series, minute, unsaved } of written) series.saved(minute, unsaved);
    this.counters.written += rows.length;
    this.rollUp.note(minutes);
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.troubled) this.logger.log('Metrics are written again');
      this.troubled = false;
    } catch (error) {
      this.counters.failures += 1;
      if (!this.troubled) this.logger.error('Metrics could not be written; they wait', { reason: messageOf(error) });
      this.troubled = true;
    }
  }

  /** A little after each full minute. */
  private schedule(): void {
    if (this.isClosed) return;
    const untilNext = MINUTE_MS - (((this.clock.now() % MINUTE_MS) + MINUTE_MS) % MINUTE_MS);
    this.timer = setTimeout(
      () => {
        void this.tick().then(() => this.schedule());
      },
      untilNext + 500 + Math.random() * 2_000,
    );
    this.timer.unref();
  }

  private async close(): Promise<void> {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
    this.work = this.work.then(() => this.guarded(() => this.save(() => true)));
    let limit: NodeJS.Timeout | undefined;
    await Promise.race([this.work, new Promise<void>((resolve) => (limit = setTimeout(resolve, SHUTDOWN_MS)))]);
    clearTimeout(limit);
  }
}
