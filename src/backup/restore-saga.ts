import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { newId } from '../common/ids';
import { BackupFailedError } from './backup.errors';
import { failureOf } from './backup-failures';
import type { BackupHeader } from './backup-header';
import type { Made } from './backup-maker';
import type { RestorePhase } from './backup-manifest';
import type { PackedFile } from './backup-file';
import type { RestoreEntry, RestorePlan } from './restore-journal';
import type { BackupWorkshop } from './backup-workshop';
import { rollBack, settleRestore } from './restore-recovery';
import type { Staged, StagedFacts, StagingOrder } from './staging.repository';

const RETRY_MS = 2_000;

export interface RestoreOrder {
  backupId: string;
  file: string;
  expected: PackedFile | null;
  withoutKey: boolean;
  staging: StagingOrder;
  onProgress: (phase: RestorePhase, progress: number) => void;
}

/** What has to stand still while data is replaced; there is nothing of it where nothing runs. */
export interface RestoreSurroundings {
  /** No request, no tool, no log row any more. */
  close(): Promise<void>;
  /** Makes the safety backup and gives its id. */
  makeSafe(onProgress: (part: number) => void): Promise<string>;
  /** Nobody uses the database until the result is called. */
  hold(): Promise<() => void>;
  /** The lock on the database moves to the one that takes its place. */
  moveLock(token: string, work: () => Promise<void>): Promise<void>;
  /** The service is open again, on whatever data is live now. */
  open(): Promise<void>;
}

export interface RestoreOutcome {
  facts: StagedFacts;
  header: BackupHeader;
  safetyBackupId: string;
  downtimeMs: number;
}

/** A restore that failed: the old data is live. */
export class RestoreFailedError extends Error {
  constructor(
    readonly reason: unknown,
    readonly safetyBackupId: string | null,
    readonly downtimeMs: number | null,
  ) {
    super(`The restore failed: ${messageOf(reason)}`, { cause: reason });
  }
}

/**
 * A restore as a sequence of steps, each of which can be taken back. What can fail because of the file comes first, while the
 * service goes on: unpacking, proof, migration of the copy. Then the service is closed, a safety backup made, and the data
 * replaced under a journal: until it says `done` the old data is what counts, and comes back after any failure and any kill.
 */
export class RestoreSaga {
  private readonly logger = new Logger('Backup');
  private readonly jobId = newId();
  private safetyBackupId: string | null = null;
  private closedAt: number | null = null;
  private downtimeMs: number | null = null;

  constructor(
    private readonly parts: BackupWorkshop,
    private readonly around: RestoreSurroundings,
    private readonly order: RestoreOrder,
  ) {}

  /** @throws RestoreFailedError */
  async run(): Promise<RestoreOutcome> {
    try {
      const opened = await this.unpack();
      const staged = await this.stage(opened);
      await this.replace(opened, staged);
      await this.tidy();
      const { facts } = staged;
      return {
        facts,
        header: opened.header,
        safetyBackupId: this.safetyBackupId ?? '',
        downtimeMs: this.downtimeMs ?? 0,
      };
    } catch (error) {
      await this.tidy().catch((failure: unknown) => {
        this.logger.warn('What a restore has left could not be removed', { reason: messageOf(failure) });
      });
      throw new RestoreFailedError(error, this.safetyBackupId, this.downtimeMs);
    }
  }

  private unpack(): Promise<Made> {
    const { backupId, file, expected, withoutKey } = this.order;
    const onProgress = (part: number) => this.order.onProgress('staging', part * 0.25);
    const keep = { jobId: this.jobId };
    return this.parts.maker.open({ keep, kind: 'restore', backupId, file, expected, withoutKey, onProgress });
  }

  private async stage({ header }: Made): Promise<Staged> {
    const { engine, places, checkpoints, maker } = this.parts;
    // A disk that is full in the middle of the swap would keep the service closed until somebody makes room.
    await maker.requireRoom(await engine.roomToRestore(header));
    const order = { id: this.jobId, folder: places.parts(this.jobId), header };
    const staged = await engine.stage(order, this.order.staging);
    this.order.onProgress('staging', 0.4);
    await checkpoints.reached('restore.staged');
    return staged;
  }

  private async replace({ header }: Made, staged: Staged): Promise<void> {
    const { engine, places, checkpoints } = this.parts;
    this.closedAt = performance.now();
    try {
      this.order.onProgress('closing', 0.4);
      await this.around.close();
      await checkpoints.reached('restore.closed');
      this.safetyBackupId = await this.around.makeSafe((part) =>
        this.order.onProgress('safety-backup', 0.45 + part * 0.2),
      );
      const letGo = await this.around.hold();
      try {
        const plan = engine.plan(this.jobId, places.parts(this.jobId), header);
        await engine.keepOld(plan, (part) => this.order.onProgress('safety-backup', 0.65 + part * 0.1));
        await checkpoints.reached('restore.safe');
        await this.swap(plan, staged);
      } finally {
        letGo();
      }
    } finally {
      this.order.onProgress('opening', 0.95);
      await this.around.open();
      this.downtimeMs = Math.round(performance.now() - this.closedAt);
    }
  }

  private async swap(plan: RestorePlan, staged: Staged): Promise<void> {
    const { journal, checkpoints } = this.parts;
    const entry = this.entry(plan);
    await journal.write(entry);
    await checkpoints.reached('restore.journaled');
    // The lock returns to the old database, where that is what is live in the end.
    await this.around.moveLock(plan.type === 'postgres' ? plan.token : '', async () => {
      try {
        await this.putInPlace(plan, staged);
        await journal.write({ ...entry, phase: 'done' });
      } catch (error) {
        await this.putBack(plan);
        await journal.write({ ...entry, phase: 'undone', failure: failureOf(error) });
        throw error;
      }
    });
    await checkpoints.reached('restore.done');
  }

  private async putInPlace(plan: RestorePlan, { content }: Staged): Promise<void> {
    const { engine, checkpoints } = this.parts;
    await engine.swap(plan, {
      onProgress: (part) => this.order.onProgress('swapping', 0.75 + part * 0.15),
      between: () => checkpoints.reached('restore.half-swapped'),
    });
    await checkpoints.reached('restore.swapped');
    this.order.onProgress('checking', 0.9);
    const difference = await engine.differenceLive(plan, content);
    if (difference !== null) {
      throw new BackupFailedError('restore_check_failed', `What is live is not what was staged: ${difference}`);
    }
  }

  /** Until it is done nothing is in order: a database that is away comes back, and a kill leaves it to the next start. */
  private async putBack(plan: RestorePlan): Promise<void> {
    for (let isTold = false; ; isTold = true) {
      try {
        await rollBack(this.parts.config, plan);
        return;
      } catch (error) {
        if (!isTold) this.logger.error('The old data could not be put back yet; it is tried again', error);
        await pause(RETRY_MS);
      }
    }
  }

  private async tidy(): Promise<void> {
    const { engine, places, journal, config } = this.parts;
    const entry = journal.find();
    if (entry?.phase === 'done') await settleRestore(config, entry.plan);
    else await engine.cleanUp(this.jobId);
    await places.endWork(this.jobId);
    if (entry !== null) journal.remove();
  }

  private entry(plan: RestorePlan): RestoreEntry {
    const { backupId, staging } = this.order;
    return {
      version: 1,
      backupId,
      safetyBackupId: this.safetyBackupId,
      startedAt: Date.now(),
      actor: staging.actor,
      ip: staging.ip,
      plan,
      workFolder: this.parts.places.work(this.jobId),
      phase: 'swapping',
      failure: null,
    };
  }
}
