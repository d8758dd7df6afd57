import { AsyncResource } from 'node:async_hooks';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { BackupBusyError } from './backup.errors';
import { BackupThreads } from './backup-threads';

export type JobKind = 'backup' | 'verification' | 'restore' | 'upload';

const SENTENCES: Record<JobKind, string> = {
  backup: 'A backup is being made',
  verification: 'A backup is being verified',
  restore: 'A backup is being restored',
  upload: 'A backup is being uploaded',
};

/** A restore that is under way at a stop of MCPS.ONE gets this time to end; after a kill the next start mends it. */
const STOP_LIMIT_MS = 12_000;

/**
 * One job at a time, whatever it is: two would slow each other down, and none must see what the other is still writing. No
 * second process is there: the instance lock keeps it off.
 */
@Injectable()
export class BackupJobs implements OnModuleDestroy {
  private current: { kind: JobKind; done: Promise<unknown> } | null = null;
  private isStopping = false;
  /** Jobs outlive the request that has asked for them, and belong to none. */
  private readonly ownContext = new AsyncResource('BackupJobs');

  constructor(private readonly threads: BackupThreads) {}

  get running(): JobKind | null {
    return this.current?.kind ?? null;
  }

  /** Waits for the end of the job under way, and those begun meanwhile. */
  async whenFree(): Promise<void> {
    while (this.current !== null) await this.current.done.catch(() => undefined);
  }

  /** Begins a job; the promise inside the answer is its end. @throws BackupBusyError */
  begin<T>(kind: JobKind, work: () => Promise<T>): { done: Promise<T> } {
    if (this.current !== null) throw new BackupBusyError(SENTENCES[this.current.kind]);
    if (this.isStopping) throw new BackupBusyError('MCPS.ONE is shutting down');
    const done = this.ownContext.runInAsyncScope(() => work()).finally(() => (this.current = null));
    this.current = { kind, done };
    // Whoever waits is told; nobody has to.
    done.catch(() => undefined);
    return { done };
  }

  /** Backups and verifications are given up; a restore is let end. */
  async onModuleDestroy(): Promise<void> {
    this.isStopping = true;
    const { current } = this;
    if (current === null) return;
    if (current.kind !== 'restore') await this.threads.stop();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise((resolve) => (timer = setTimeout(resolve, STOP_LIMIT_MS)));
    await Promise.race([current.done.catch(() => undefined), limit]);
    clearTimeout(timer);
  }
}
