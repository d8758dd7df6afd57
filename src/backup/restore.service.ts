import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import type { Principal } from '../auth/principal';
import { RestoreWatch } from '../availability/restore-watch';
import { Clock } from '../common/clock';
import { type Actor, currentRequest, noteDetails, noteTarget, SYSTEM_ACTOR } from '../common/request-context';
import { BackupNotReadyError, BackupRefusedError } from './backup.errors';
import { BackupCatalogue } from './backup-catalogue';
import { failureOf } from './backup-failures';
import { BackupJobs } from './backup-jobs';
import type { BackupManifest, Failure, RestorePhase, RestoreState } from './backup-manifest';
import { BackupStandstill } from './backup-standstill';
import { LiveData } from './live-data.repository';
import { BackupWorkshop } from './backup-workshop';
import { RestoreFailedError, RestoreSaga } from './restore-saga';

/** Puts a backup into the place of the live data, and tells how that goes and went. */
@Injectable()
export class RestoreService implements OnApplicationBootstrap {
  private readonly logger = new Logger('Backup');

  constructor(
    private readonly workshop: BackupWorkshop,
    private readonly catalogue: BackupCatalogue,
    private readonly jobs: BackupJobs,
    private readonly standstill: BackupStandstill,
    private readonly live: LiveData,
    private readonly operations: OperationLog,
    private readonly watch: RestoreWatch<Principal>,
    private readonly clock: Clock,
  ) {}

  /** What a killed restore has left in its journal is told, and forgotten. */
  async onApplicationBootstrap(): Promise<void> {
    const { journal, places } = this.workshop;
    const entry = journal.find();
    if (entry === null) return;
    const { backupId, safetyBackupId, actor, ip, startedAt, failure } = entry;
    if (entry.phase === 'undone') await this.record(backupId, failure ?? unknownFailure(), actor, ip);
    if (this.catalogue.find(backupId) !== null) {
      const isDone = entry.phase === 'done';
      await this.keep(backupId, {
        ...{ state: isDone ? 'completed' : 'failed', phase: 'swapping', progress: 1, error: failure },
        ...{ safetyBackupId, at: startedAt, durationMs: null, downtimeMs: null },
      });
    }
    this.logger.log('A restore that was interrupted has been ended', { backupId, outcome: entry.phase });
    if (entry.workFolder.startsWith(places.workRoot))
      await places.endWork(entry.workFolder.slice(-36)).catch(() => undefined);
    journal.remove();
  }

  /** Begins a restore; how far it is stands in the backup. @throws BackupBusyError, BackupNotReadyError, BackupRefusedError */
  restore(
    id: string,
    principal: Principal,
    headers: IncomingHttpHeaders,
  ): { backup: BackupManifest; done: Promise<void> } {
    noteTarget({ type: 'backup', id, name: null });
    const backup = this.restorable(id);
    const request = currentRequest();
    const actor = request?.actor ?? SYSTEM_ACTOR;
    const ip = request?.ip ?? null;
    const { done } = this.jobs.begin('restore', () => this.run(backup, actor, ip));
    this.watch.let(headers, principal);
    // The row of the request tells that it was asked for; what became of it has a row of its own.
    noteDetails({ accepted: true });
    return { backup: this.catalogue.get(id), done };
  }

  /** What is plain to see is said at once. */
  private restorable(id: string): BackupManifest {
    const backup = this.catalogue.get(id);
    const { header, state } = backup;
    if (header === null || state !== 'completed') throw new BackupNotReadyError(state);
    const { engine, ring } = this.workshop;
    if (header.databaseType !== engine.databaseType) throw new BackupRefusedError('backup_other_database');
    if (!ring.has(header.keyId)) throw new BackupRefusedError('backup_wrong_key', `its key id is ${header.keyId}`);
    return backup;
  }

  private async run({ id, sizeBytes, sha256 }: BackupManifest, actor: Actor, ip: string | null): Promise<void> {
    const started = this.clock.monotonic();
    const at = this.clock.now();
    let state: RestoreState = {
      ...{ state: 'running', phase: 'staging', progress: 0, error: null, safetyBackupId: null },
      ...{ at, durationMs: null, downtimeMs: null },
    };
    const show = (change: Partial<RestoreState>) => {
      state = { ...state, ...change };
      this.catalogue.note(id, { restore: state });
    };
    show({});
    let ended: Partial<RestoreState>;
    this.logger.log('A restore has begun', { id });
    const onProgress = (phase: RestorePhase, progress: number) => show({ phase, progress });
    try {
      const saga = new RestoreSaga(
        this.workshop,
        this.standstill.around((safetyBackupId) => show({ safetyBackupId })),
        {
          backupId: id,
          file: this.workshop.places.file(id),
          expected: sizeBytes !== null && sha256 !== null ? { sizeBytes, sha256 } : null,
          withoutKey: false,
          staging: await this.staging(id, actor, ip),
          onProgress,
        },
      );
      const { safetyBackupId, downtimeMs, facts } = await saga.run();
      ended = { state: 'completed', progress: 1, safetyBackupId, downtimeMs };
      this.logger.log('A backup was restored', { id, safetyBackupId, downtimeMs, ...facts });
    } catch (error) {
      ended = await this.failed(id, error, actor, ip);
    }
    // Last of all: whoever sees the end finds the way free for the next job.
    await this.keep(id, { ...state, ...ended, durationMs: Math.round(this.clock.monotonic() - started) });
  }

  private async failed(id: string, error: unknown, actor: Actor, ip: string | null): Promise<Partial<RestoreState>> {
    const known = error instanceof RestoreFailedError ? error : null;
    const reason = known === null ? error : known.reason;
    const failure = failureOf(reason);
    if (failure.code === 'unexpected') this.logger.error('A restore has failed; the old data is live', reason, { id });
    else this.logger.warn('A restore has failed; the old data is live', { id, ...failure });
    await this.record(id, failure, actor, ip);
    return {
      ...{ state: 'failed', error: failure },
      ...{ safetyBackupId: known?.safetyBackupId ?? null, downtimeMs: known?.downtimeMs ?? null },
    };
  }

  private async staging(backupId: string, actor: Actor, ip: string | null) {
    const { ring, schema } = this.workshop;
    return { schema, ring, backupId, actor, ip, entitled: await this.live.entitled(), adopt: false };
  }

  private async keep(id: string, restore: RestoreState): Promise<void> {
    await this.catalogue.keep(id, { restore }).catch((error: unknown) => {
      this.logger.warn('A manifest could not be written', { id, reason: failureOf(error).message });
    });
  }

  private async record(id: string, failure: Failure, actor: Actor, ip: string | null): Promise<void> {
    const entry = {
      action: 'backup.restore',
      outcome: 'failure' as const,
      actor,
      target: { type: 'backup', id, name: null },
    };
    const changes = { ...failure };
    await this.operations
      .append(ip === null ? { ...entry, changes } : { ...entry, changes, ip })
      .catch((error: unknown) => {
        this.logger.warn('The row of a restore could not be written', { id, reason: failureOf(error).message });
      });
  }
}

function unknownFailure(): Failure {
  return { code: 'restore_interrupted', message: 'It was interrupted; the old data is back' };
}
