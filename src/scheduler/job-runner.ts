import { Logger } from '@nestjs/common';
import type { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import type { JobOutcome, JobRun } from './job-run.entity';
import type { ScheduledJob } from './scheduled-job.types';

/** Runs one job, never twice at a time, within its limit, and tells how that ended. */
export class JobRunner {
  private readonly logger = new Logger('Jobs');
  private current: { promise: Promise<JobRun>; abort: AbortController } | null = null;
  /** Kept beyond a run that timed out and still works. */
  private working = false;
  private hasWarned = false;

  constructor(
    readonly job: ScheduledJob,
    private readonly clock: Clock,
    private readonly onEnd: (run: JobRun) => Promise<void>,
  ) {}

  get isRunning(): boolean {
    return this.working;
  }

  /** Begins a run; null when one is under way. Resolves when it has ended and is written down. */
  begin(): Promise<JobRun> | null {
    if (this.working) {
      if (!this.hasWarned) this.logger.warn('A job is still at work and is not begun anew', { job: this.job.name });
      this.hasWarned = true;
      return null;
    }
    const abort = new AbortController();
    const promise = this.run(abort);
    this.current = { promise, abort };
    return promise;
  }

  /** Asks the run under way to end; resolves when it has, or after `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    if (!this.current) return;
    const { promise, abort } = this.current;
    abort.abort(new InterruptedError());
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, limitMs)))]);
    clearTimeout(timer);
  }

  private async run(abort: AbortController): Promise<JobRun> {
    this.working = true;
    this.hasWarned = false;
    const { name, timeoutMs } = this.job;
    const startedAt = this.clock.now();
    const started = this.clock.monotonic();
    const timer = setTimeout(() => abort.abort(new JobTimeoutError(timeoutMs)), timeoutMs);
    const work = Promise.resolve()
      .then(() => this.job.run(abort.signal))
      .finally(() => (this.working = false));
    const aborted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
    });
    const error = await Promise.race([work, aborted]).then(
      () => null,
      // A run that heeds the signal rejects by itself: the reason counts.
      (thrown: unknown) => (abort.signal.aborted ? (abort.signal.reason as unknown) : thrown),
    );
    clearTimeout(timer);
    work.catch(() => undefined);
    const durationMs = Math.round(this.clock.monotonic() - started);
    const outcome = outcomeOf(error);
    if (outcome === 'success') this.logger.log('A job is done', { job: name, durationMs });
    else this.logger.error('A job has failed', { job: name, outcome, durationMs, reason: messageOf(error) });
    const run: JobRun = {
      ...{ name, startedAt, endedAt: this.clock.now(), outcome },
      error: error === null ? null : messageOf(error).slice(0, 2_000),
    };
    // Until it is written down: who stops us waits for that too.
    await this.onEnd(run);
    if (this.current?.abort === abort) this.current = null;
    return run;
  }
}

function outcomeOf(error: unknown): JobOutcome {
  if (error === null) return 'success';
  if (error instanceof JobTimeoutError) return 'timeout';
  return error instanceof InterruptedError ? 'interrupted' : 'failure';
}

class JobTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`It took longer than ${timeoutMs / 1000} s`);
  }
}

class InterruptedError extends Error {
  constructor() {
    super('MCPS.ONE was stopped meanwhile');
  }
}
