import { Logger } from '@nestjs/common';
import { FakeClock } from '../../test/support/fake-clock';
import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { DatabaseWriters } from '../database/database-writers';
import type { Transactions } from '../database/transactions';
import { MetricPoint } from './metric-point';
import { MetricPointRow } from './metric-point.entity';
import { MetricPointRepository } from './metric-point.repository';
import { MetricRollUp } from './metric-roll-up';
import { MetricStore } from './metric-store';
import { MetricWriter } from './metric-writer';
import type { SeriesRequest } from './series-plan';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 23, 12);

describe('the store of metrics', () => {
  let db: MigratedDatabase;
  let rows: MetricPointRepository;

  /** One run of the program on the database; `close` is its orderly end. */
  class Run {
    readonly writers = new DatabaseWriters();
    readonly store: MetricStore;
    readonly writer: MetricWriter;
    isAway = false;

    constructor(readonly clock: FakeClock) {
      this.store = new MetricStore(rows, clock);
      const transactions = {
        run: (work: Parameters<Transactions['run']>[0]) =>
          this.isAway ? Promise.reject(new Error('away')) : db.transactions.run(work),
      } as Transactions;
      const rollUp = new MetricRollUp(rows, transactions);
      this.writer = new MetricWriter(this.store, rows, rollUp, transactions, this.writers, clock);
      this.writer.onModuleInit();
    }

    call(name: string, ms = 10): void {
      const point = this.store.open(name).at(this.clock.now());
      point.count('calls');
      point.duration(ms);
    }

    close(): Promise<void> {
      return this.writers.flushAll();
    }

    /** [seconds since noon, calls] of each step in which something was. */
    async read(name: string, request: SeriesRequest = {}): Promise<[number, number][]> {
      const { points } = await this.store.read(name, request);
      return points.flatMap(({ at, point }): [number, number][] =>
        point === null ? [] : [[(at - NOON) / SECOND, point.counted('calls')]],
      );
    }
  }

  const stored = async (stepSeconds: number) =>
    (await db.dataSource.getRepository(MetricPointRow).find({ where: { stepSeconds }, order: { at: 'ASC' } })).map(
      ({ series, at, data }) => [series, (at - NOON) / MINUTE, MetricPoint.decode(data).counted('calls')],
    );

  const aMinute = (at: number, calls = 1, series = 'a', stepSeconds = 60): MetricPointRow => {
    const point = new MetricPoint();
    point.count('calls', calls);
    return Object.assign(new MetricPointRow(), { series, stepSeconds, at, data: point.encode() });
  };

  beforeAll(async () => {
    db = await createMigratedDatabase();
    rows = new MetricPointRepository(db.dataSource.getRepository(MetricPointRow));
  });
  beforeEach(() => db.dataSource.getRepository(MetricPointRow).clear());
  afterAll(() => db.drop());

  it('saves the minutes that are over, and tells saved and unsaved ones alike', async () => {
    const run = new Run(new FakeClock(NOON));
    run.call('a');
    run.clock.advance(MINUTE);
    run.call('a');
    run.call('b');
    await run.writer.tick();
    expect(await stored(60)).toEqual([['a', 0, 1]]);
    run.clock.advance(30 * SECOND);
    expect(await run.read('a', { from: NOON, stepSeconds: 60 })).toEqual([
      [0, 1],
      [60, 1],
    ]);
    expect(await run.read('a', { from: NOON, stepSeconds: 10 })).toEqual([
      [0, 1],
      [60, 1],
    ]);
    expect(await run.read('nobody')).toEqual([]);
  });

  it('goes on with a minute that a restart lies in: nothing is lost, nothing counts twice', async () => {
    const first = new Run(new FakeClock(NOON));
    first.call('a', 10);
    await first.close();
    const second = new Run(new FakeClock(NOON + 20 * SECOND));
    second.call('a', 1_000);
    expect(await second.read('a', { stepSeconds: 60 })).toEqual([[0, 2]]);
    await second.writer.tick();
    await second.close();
    expect(await stored(60)).toEqual([['a', 0, 2]]);
    const third = new Run(new FakeClock(NOON + 40 * SECOND));
    const { points } = await third.store.read('a', { stepSeconds: 60 });
    const point = points.at(-1)?.point ?? null;
    expect(point?.quantile(0.5)).toBeCloseTo(10, 0);
    expect(point?.quantile(0.95)).toBeGreaterThan(980);
  });

  it('chooses minutes for the last hour after a restart, so that it is not empty', async () => {
    const first = new Run(new FakeClock(NOON));
    first.call('a');
    await first.close();
    const second = new Run(new FakeClock(NOON + 5 * MINUTE));
    second.clock.advance(MINUTE + SECOND);
    second.call('a');
    expect((await second.store.read('a', {})).plan.stepSeconds).toBe(60);
    expect(await second.read('a')).toEqual([
      [0, 1],
      [360, 1],
    ]);
    expect((await second.store.read('new', {})).plan.stepSeconds).toBe(10);
  });

  it('makes hours of minutes once they are over, and merges what was not', async () => {
    const run = new Run(new FakeClock(NOON));
    for (let minute = 0; minute < 60; minute++) {
      run.call('a', minute < 30 ? 10 : 1_000);
      run.clock.advance(MINUTE);
    }
    run.call('a', 5);
    await run.writer.tick();
    run.clock.advance(SECOND);
    expect(await stored(3_600)).toEqual([['a', 0, 60]]);
    const request = { from: NOON - 7 * DAY };
    expect(await run.read('a', request)).toEqual([
      [0, 60],
      [3_600, 1],
    ]);
    run.clock.advance(5 * HOUR);
    await run.writer.tick();
    expect(await run.read('a', request)).toEqual([
      [0, 60],
      [3_600, 1],
    ]);
    const { points } = await run.store.read('a', request);
    const hour = points.find(({ at }) => at === NOON)?.point;
    // Not the mean of percentiles: half of the calls took 10 ms.
    expect(hour?.quantile(0.5)).toBeCloseTo(10, 0);
    expect(hour?.quantile(0.95)).toBeGreaterThan(980);
  });

  it('makes after a start the hours that ended while it was down', async () => {
    const first = new Run(new FakeClock(NOON + 30 * MINUTE));
    first.call('a');
    first.clock.advance(HOUR);
    first.call('b');
    await first.close();
    const second = new Run(new FakeClock(NOON + 5 * HOUR));
    await second.writer.tick();
    expect(await stored(3_600)).toEqual([
      ['a', 0, 1],
      ['b', 60, 1],
    ]);
  });

  it('keeps waiting minutes when the database is away, says so once, and writes them later', async () => {
    const errors = jest.spyOn(Logger.prototype, 'error');
    const run = new Run(new FakeClock(NOON));
    run.isAway = true;
    for (let minute = 0; minute < 3; minute++) {
      run.call('a');
      run.clock.advance(MINUTE);
      await run.writer.tick();
    }
    expect([run.writer.counters, errors.mock.calls.length]).toEqual([{ written: 0, failures: 3 }, 1]);
    expect(await run.read('a', { stepSeconds: 60 })).toHaveLength(3);
    run.isAway = false;
    await run.writer.tick();
    expect(await stored(60)).toEqual([
      ['a', 0, 1],
      ['a', 1, 1],
      ['a', 2, 1],
    ]);
    expect(run.writer.counters).toEqual({ written: 3, failures: 3 });
    errors.mockRestore();
  });

  it('forgets in memory what has ended, and keeps its minutes', async () => {
    const run = new Run(new FakeClock(NOON));
    run.call('a');
    run.store.end('a');
    run.clock.advance(MINUTE);
    await run.writer.tick();
    expect([...run.store.entries()]).toEqual([]);
    expect(await stored(60)).toEqual([['a', 0, 1]]);
    run.store.end('nobody');
    run.call('a');
    run.store.end('a');
    run.call('a'); // it came back
    run.clock.advance(MINUTE);
    await run.writer.tick();
    expect([...run.store.entries()]).toHaveLength(1);
  });

  it('deletes minutes after 48 hours and hours after 30 days', async () => {
    const ages = [10 * MINUTE, 47 * HOUR, 49 * HOUR, 5 * DAY];
    const minutes = ages.map((age) => aMinute(NOON - age));
    const hours = [DAY, 29 * DAY, 31 * DAY].map((age) => aMinute(NOON - age, 1, 'a', 3_600));
    await db.transactions.run((tx) => rows.save([...minutes, ...hours], tx));
    await new MetricRollUp(rows, db.transactions).deleteOld(NOON);
    expect(await rows.oldest(60)).toBe(NOON - 47 * HOUR);
    expect(await rows.oldest(3_600)).toBe(NOON - 29 * DAY);
  });

  it('deletes next to nothing when the clock has jumped a year ahead', async () => {
    await db.transactions.run((tx) => rows.save([aMinute(NOON), aMinute(NOON - HOUR, 1, 'a', 3_600)], tx));
    const rollUp = new MetricRollUp(rows, db.transactions);
    await rollUp.deleteOld(NOON + 365 * DAY);
    await rollUp.deleteOld(NOON + 365 * DAY);
    expect([await rows.oldest(60), await rows.oldest(3_600)]).toEqual([NOON, NOON - HOUR]);
    await rollUp.deleteOld(NOON + HOUR);
    expect(await rows.oldest(60)).toBe(NOON);
  });

  it('writes more rows than one statement takes', async () => {
    const many = Array.from({ length: 1_200 }, (_, index) => aMinute(NOON, index, `s-${index}`));
    await db.transactions.run((tx) => rows.save(many, tx));
    await db.transactions.run((tx) => rows.save(many, tx));
    expect(await stored(60)).toHaveLength(1_200);
  });
});
