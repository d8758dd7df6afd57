import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import { Settings } from '../settings/settings';
import { JobRunner } from './job-runner';
import type { JobRun } from './job-run.entity';
import { JobRunRepository } from './job-run.repository';
import { JobTimetable } from './job-timetable';
import type { JobState, ScheduledJob } from './scheduled-job.types';

const TICK_MS = 1_000;
/** What was missed while we were down waits for the start to be over. */
const CATCH_UP_MS = 120_000;
const STOP_LIMIT_MS = 5_000;

interface Entry {
  runner: JobRunner;
  /** Null: switched off. */
  timetable: JobTimetable | null;
  catchUpAt: number | null;
  last: JobRun | null;
}

/**
 * All scheduled jobs: begins each when it is due, remembers how the last run ended (also over restarts), and ends those
 * under way when MCPS.ONE stops. Register in `onModuleInit`. One look a second serves all jobs, so a clock that jumps makes
 * no timer wrong.
 */
@Injectable()
export class Scheduler implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Jobs');
  private readonly entries = new Map<string, Entry>();
  private isOpen = false;
  private isClosed = false;

  constructor(
    private readonly runs: JobRunRepository,
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  register(job: ScheduledJob): void {
    if (this.entries.has(job.name)) throw new Error(`There is a job ${job.name} already`);
    const entry: Entry = {
      runner: new JobRunner(job, this.clock, (run) => this.remember(entry, run)),
      ...{ timetable: null, catchUpAt: null, last: null },
    };
    this.entries.set(job.name, entry);
    this.settings.onChange(job.settings, () => this.plan(entry));
    if (this.isOpen) this.plan(entry);
  }

  /** The jobs in the order of their next runs. */
  list(): JobState[] {
    return [...this.entries.values()].map(toState).sort((a, b) => (a.nextAt ?? Infinity) - (b.nextAt ?? Infinity));
  }

  /**
   * Runs a job at once. Resolves when it has ended; null when it is under way already or MCPS.ONE stops.
   * @throws for an unknown name
   */
  runNow(name: string): Promise<JobRun | null> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`There is no job ${name}`);
    return (this.isClosed ? null : entry.runner.begin()) ?? Promise.resolve(null);
  }

  async onApplicationBootstrap(): Promise<void> {
    this.isOpen = true;
    const known = new Map((await this.runs.all()).map((run) => [run.name, run]));
    const now = this.clock.now();
    for (const [name, entry] of this.entries) {
      entry.last = known.get(name) ?? null;
      this.plan(entry);
      if (entry.runner.job.catchUp && wasMissed(entry, now)) entry.catchUpAt = this.clock.monotonic() + CATCH_UP_MS;
    }
  }

  async onModuleDestroy(): Promise<void> {
    this.isOpen = false;
    this.isClosed = true;
    await Promise.all([...this.entries.values()].map(({ runner }) => runner.stop(STOP_LIMIT_MS)));
  }

  @Interval('scheduler', TICK_MS)
  tick(): void {
    if (!this.isOpen) return;
    const now = this.clock.now();
    for (const entry of this.entries.values()) {
      const isMissed = entry.catchUpAt !== null && this.clock.monotonic() >= entry.catchUpAt;
      if (!this.isDue(entry, now) && !isMissed) continue;
      // A run that is due makes good what was missed.
      entry.catchUpAt = null;
      void entry.runner.begin();
    }
  }

  /** One schedule that has come to an end, or that the library fails at, holds up no other job. */
  private isDue(entry: Entry, now: number): boolean {
    try {
      return entry.timetable?.isDue(now) ?? false;
    } catch (error) {
      this.logger.error('A job has no next time and is not planned any more', error, { job: entry.runner.job.name });
      entry.timetable = null;
      return false;
    }
  }

  private plan(entry: Entry): void {
    const { name } = entry.runner.job;
    const schedule = entry.runner.job.schedule();
    // Another setting of the job has changed: a time that has just come, and was not looked at yet, must not get lost.
    if (schedule !== null && entry.timetable?.expression === schedule) return;
    entry.timetable = schedule === null ? null : new JobTimetable(schedule, this.clock.now());
    if (entry.timetable === null) entry.catchUpAt = null;
    this.logger.debug('A job is planned', { job: name, schedule });
  }

  private async remember(entry: Entry, run: JobRun): Promise<void> {
    entry.last = run;
    // A database that is away has been told of by then; the job itself is done.
    await this.runs.save(run).catch((error: unknown) => {
      this.logger.warn('The run of a job could not be written down', { job: run.name, reason: messageOf(error) });
    });
  }
}

/** Also what a stop of MCPS.ONE cut short. */
function wasMissed({ last, timetable }: Entry, now: number): boolean {
  if (last === null || timetable === null) return false;
  return last.outcome === 'interrupted' || timetable.hasTimeBetween(last.startedAt, now);
}

function toState({ runner, timetable, last }: Entry): JobState {
  return {
    name: runner.job.name,
    running: runner.isRunning,
    nextAt: timetable?.nextAt ?? null,
    lastAt: last?.startedAt ?? null,
    lastOutcome: last?.outcome ?? null,
    lastError: last?.error ?? null,
  };
}
