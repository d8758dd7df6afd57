import { anOperationLog } from '../../test/support/an-operation-log';
import { FakeClock } from '../../test/support/fake-clock';
import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { loadConfig } from '../config/load-config';
import { Events } from '../events/events';
import { SettingRow } from '../settings/setting.entity';
import { SettingRepository } from '../settings/setting.repository';
import { Settings } from '../settings/settings';
import { JobRun } from './job-run.entity';
import { JobRunRepository } from './job-run.repository';
import type { ScheduledJob } from './scheduled-job.types';
import { JobTimetable } from './job-timetable';
import { Scheduler } from './scheduler';

const HOUR = 3_600_000;

/** A job whose runs end when the test says so. */
class TestJob implements ScheduledJob {
  readonly name: string = 'test';
  readonly settings = ['backup.schedule', 'backup.enabled'] as const;
  timeoutMs = 60_000;
  catchUp = true;
  runs: { end: (error?: Error) => void; signal: AbortSignal }[] = [];

  constructor(private readonly given: Settings) {}

  schedule(): string | null {
    return this.given.get('backup.enabled') ? this.given.get('backup.schedule') : null;
  }

  run(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.runs.push({ signal, end: (error) => (error ? reject(error) : resolve()) });
    });
  }
}

let db: MigratedDatabase;
let clock: FakeClock;
let settings: Settings;
let events: Events;
let scheduler: Scheduler;
let job: TestJob;

async function open(): Promise<Scheduler> {
  const opened = new Scheduler(new JobRunRepository(db.dataSource.getRepository(JobRun)), settings, clock);
  opened.register(job);
  await opened.onApplicationBootstrap();
  return opened;
}

/** Until the scheduler has written down how a run ended. */
async function ended(): Promise<JobRun> {
  for (;;) {
    const [run] = await db.dataSource.getRepository(JobRun).find();
    if (run && !scheduler.list()[0]?.running) return run;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const begun = () => new Promise((resolve) => setImmediate(resolve));

beforeAll(async () => {
  db = await createMigratedDatabase();
});
beforeEach(async () => {
  await db.dataSource.getRepository(JobRun).clear();
  await db.dataSource.getRepository(SettingRow).clear();
  clock = new FakeClock(new Date(2026, 5, 1, 1, 0).getTime());
  const repository = new SettingRepository(db.dataSource.getRepository(SettingRow));
  events = new Events();
  settings = new Settings(repository, db.transactions, anOperationLog(db), events, loadConfig({}), clock);
  job = new TestJob(settings);
  scheduler = await open();
});
afterEach(() => scheduler.onModuleDestroy());
afterAll(() => db.drop());

describe('the scheduler', () => {
  it('runs a job when its time has come, and tells how that ended', async () => {
    scheduler.tick();
    expect(job.runs).toHaveLength(0);
    clock.advance(HOUR);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(1);
    expect(scheduler.list()).toMatchObject([{ name: 'test', running: true, lastAt: null, lastOutcome: null }]);
    job.runs[0]?.end();
    expect(await ended()).toMatchObject({ outcome: 'success', error: null, startedAt: clock.now() });
    const nextAt = new Date(2026, 5, 2, 2, 0).getTime();
    expect(scheduler.list()).toEqual([
      { name: 'test', running: false, nextAt, lastAt: clock.now(), lastOutcome: 'success', lastError: null },
    ]);
  });

  it('goes on after a failure, and tells why it failed', async () => {
    clock.advance(HOUR);
    scheduler.tick();
    await begun();
    job.runs[0]?.end(new Error('the disk is full'));
    expect(await ended()).toMatchObject({ outcome: 'failure', error: 'the disk is full' });
    clock.advance(24 * HOUR);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(2);
    job.runs[1]?.end();
  });

  it('never runs a job twice at a time, by hand neither', async () => {
    const first = scheduler.runNow('test');
    await begun();
    expect(await scheduler.runNow('test')).toBeNull();
    clock.advance(HOUR);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(1);
    job.runs[0]?.end();
    expect(await first).toMatchObject({ outcome: 'success' });
    expect(() => scheduler.runNow('unknown')).toThrow('There is no job unknown');
  });

  it('aborts a run at its limit, and begins no other one while that still works', async () => {
    job.timeoutMs = 5;
    const run = await scheduler.runNow('test');
    expect(run).toMatchObject({ outcome: 'timeout', error: 'It took longer than 0.005 s' });
    expect(job.runs[0]?.signal.aborted).toBe(true);
    expect(await scheduler.runNow('test')).toBeNull();
    job.runs[0]?.end();
    await begun();
    const next = scheduler.runNow('test');
    await begun();
    expect(job.runs).toHaveLength(2);
    job.runs[1]?.end();
    await next;
  });

  it('follows its settings at once', async () => {
    await settings.update({ 'backup.schedule': '0 5 * * *' });
    expect(scheduler.list()[0]?.nextAt).toBe(new Date(2026, 5, 1, 5, 0).getTime());
    await settings.update({ 'backup.enabled': false });
    expect(scheduler.list()[0]?.nextAt).toBeNull();
    clock.advance(24 * HOUR);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(0);
  });

  it('catches up soon after the start on what was missed, once', async () => {
    clock.advance(HOUR);
    scheduler.tick();
    await begun();
    job.runs[0]?.end();
    await ended();
    await scheduler.onModuleDestroy();
    clock.advance(30 * HOUR);
    scheduler = await open();
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(1);
    for (let second = 0; second < 300; second++) {
      clock.advance(1_000);
      scheduler.tick();
    }
    await begun();
    expect(job.runs).toHaveLength(2);
    job.runs[1]?.end();
  });

  it('keeps a time that has just come when another setting of the job changes before it is looked at', async () => {
    clock.advance(HOUR);
    await settings.update({ 'backup.keep': 3, 'backup.enabled': true });
    await settings.update({ 'backup.schedule': '0 4 * * *' });
    await settings.update({ 'backup.schedule': null });
    expect(scheduler.list()[0]?.nextAt).toBe(new Date(2026, 5, 2, 2, 0).getTime());
    clock.advance(24 * HOUR);
    events.tell('settings.changed', { keys: ['backup.enabled'] });
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(1);
    job.runs[0]?.end();
  });

  it('catches up on what a stop has cut short, and begins nothing for those who ask meanwhile', async () => {
    const run = scheduler.runNow('test');
    await begun();
    await scheduler.onModuleDestroy();
    await run;
    expect(await scheduler.runNow('test')).toBeNull();
    job.runs[0]?.end();
    scheduler = await open();
    clock.advance(120_000);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(2);
    job.runs[1]?.end();
    await ended();
  });

  it('does not catch up on what has become due by itself meanwhile', async () => {
    void scheduler.runNow('test');
    await begun();
    job.runs[0]?.end();
    await ended();
    await scheduler.onModuleDestroy();
    clock.advance(25 * HOUR - 60_000);
    scheduler = await open();
    clock.advance(60_000);
    scheduler.tick();
    await begun();
    job.runs[1]?.end();
    await ended();
    clock.advance(HOUR / 2);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(2);
  });

  it('goes on with the other jobs when the next time of one can not be told', async () => {
    const broken = Object.assign(new TestJob(settings), { name: 'broken' });
    const other = Object.assign(new TestJob(settings), { name: 'other' });
    jest.spyOn(JobTimetable.prototype, 'isDue').mockImplementationOnce(() => {
      throw new Error('No execution date was found');
    });
    scheduler.register(broken);
    scheduler.register(other);
    clock.advance(HOUR);
    scheduler.tick();
    scheduler.tick();
    await begun();
    expect([job, broken, other].map(({ runs }) => runs.length)).toEqual([0, 1, 1]);
    expect(scheduler.list().find(({ name }) => name === 'test')?.nextAt).toBeNull();
    for (const { runs } of [broken, other]) runs[0]?.end();
  });

  it('has nothing to catch up on where it has never run, or may not', async () => {
    await scheduler.onModuleDestroy();
    clock.advance(30 * HOUR);
    scheduler = await open();
    clock.advance(200_000);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(0);
  });

  it('ends what is under way when MCPS.ONE stops, and begins nothing more', async () => {
    const run = scheduler.runNow('test');
    await begun();
    const stopped = scheduler.onModuleDestroy();
    expect(job.runs[0]?.signal.aborted).toBe(true);
    await stopped;
    expect(await run).toMatchObject({ outcome: 'interrupted' });
    clock.advance(HOUR);
    scheduler.tick();
    await begun();
    expect(job.runs).toHaveLength(1);
    job.runs[0]?.end();
  });
});
