import { rm } from 'node:fs/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { newId } from '../common/ids';
import { noteDetails, noteTarget, SYSTEM_ACTOR } from '../common/request-context';
import { Settings } from '../settings/settings';
import { BackupBusyError, BackupFailedError, BackupNotReadyError } from './backup.errors';
import { BackupCatalogue } from './backup-catalogue';
import { failureOf } from './backup-failures';
import { BackupJobs } from './backup-jobs';
import { type BackupManifest, type Failure, newManifest } from './backup-manifest';
import { expired } from './backup-retention';
import type { Trigger } from './backup-header';
import { BackupWorkshop } from './backup-workshop';

/** Makes, proves and removes backups, one job at a time. */
@Injectable()
export class BackupService implements OnModuleInit {
  private readonly logger = new Logger('Backup');

  constructor(
    private readonly workshop: BackupWorkshop,
    private readonly catalogue: BackupCatalogue,
    private readonly jobs: BackupJobs,
    private readonly settings: Settings,
    private readonly operations: OperationLog,
    private readonly clock: Clock,
  ) {}

  /** What was killed is tidied up. A folder that can't be read costs backups, and nothing else. */
  async onModuleInit(): Promise<void> {
    try {
      for (const { jobId, kind, backupId } of await this.catalogue.load()) {
        await this.workshop.engine.cleanUp(jobId);
        if (kind === 'restore' && this.catalogue.find(backupId) !== null) await this.tellUnbegun(backupId);
      }
    } catch (error) {
      this.logger.error('The folder of the backups can not be used', error);
    }
    this.tellMissingKeys();
  }

  /** Begins a backup. `done` is its end: completed or failed, never thrown. @throws BackupBusyError */
  create(trigger: Trigger, note: string | null): { backup: BackupManifest; done: Promise<BackupManifest> } {
    const manifest = newManifest({ id: newId(), createdAt: this.clock.now(), trigger, note });
    const { done } = this.jobs.begin('backup', async () => {
      const made = await this.make(manifest);
      await this.record(made);
      if (made.state === 'completed') await this.prune(made);
      // Last of all: whoever sees the end finds the way free for the next job.
      return this.catalogue.note(manifest.id, made);
    });
    noteTarget({ type: 'backup', id: manifest.id, name: null });
    return { backup: this.catalogue.find(manifest.id) ?? manifest, done };
  }

  /** A backup inside of another job (a restore's safety backup). @throws what it failed of */
  async makeWithin(trigger: Trigger, onProgress: (part: number) => void): Promise<BackupManifest> {
    const manifest = newManifest({ id: newId(), createdAt: this.clock.now(), trigger, note: null });
    const made = this.catalogue.note(manifest.id, await this.make(manifest, onProgress));
    if (made.state === 'completed') return made;
    const { code, message } = made.error ?? { code: 'unexpected', message: 'The safety backup could not be made' };
    throw new BackupFailedError(code, message);
  }

  /** Begins to open a backup once more and to compare it with what was counted. @throws BackupBusyError, BackupNotReadyError */
  verify(id: string): { backup: BackupManifest; done: Promise<BackupManifest> } {
    const { header, state } = this.catalogue.get(id);
    noteTarget({ type: 'backup', id, name: null });
    if (header === null) throw new BackupNotReadyError(state);
    const { done } = this.jobs.begin('verification', () => this.prove(id));
    return { backup: this.catalogue.get(id), done };
  }

  list(): BackupManifest[] {
    return this.catalogue.list();
  }

  get(id: string): BackupManifest {
    return this.catalogue.get(id);
  }

  /** @throws BackupBusyError while it is being made, or anything is restored */
  async remove(id: string): Promise<void> {
    const { state, trigger, createdAt } = this.catalogue.get(id);
    noteTarget({ type: 'backup', id, name: null });
    noteDetails({ trigger, createdAt: new Date(createdAt).toISOString() });
    if (state === 'running') throw new BackupBusyError('This backup is being made');
    if (this.jobs.running === 'restore') throw new BackupBusyError('A backup is being restored');
    await this.catalogue.remove(id);
  }

  /** A restore that was killed before it had a journal: nothing of the live data was touched. */
  private async tellUnbegun(id: string): Promise<void> {
    this.logger.warn('A restore was interrupted before it had begun to replace anything', { id });
    const error = { code: 'restore_interrupted', message: 'MCPS.ONE was ended before anything was replaced' };
    const nothing = { safetyBackupId: null, durationMs: null, downtimeMs: null };
    const at = this.clock.now();
    await this.catalogue.keep(id, {
      restore: { state: 'failed', phase: 'staging', progress: 0, error, at, ...nothing },
    });
  }

  private async make(manifest: BackupManifest, onProgress?: (part: number) => void): Promise<BackupManifest> {
    const { id } = manifest;
    const started = this.clock.monotonic();
    const took = () => Math.round(this.clock.monotonic() - started);
    this.catalogue.begin(manifest);
    try {
      const { header, sizeBytes, sha256 } = await this.workshop.maker.make({
        ...manifest,
        includeLogs: this.settings.get('backup.includeLogs'),
        onProgress: (progress) => {
          this.catalogue.note(id, { progress });
          onProgress?.(progress);
        },
      });
      const at = this.clock.now();
      const verification = { state: 'passed' as const, error: null, at, durationMs: null };
      const made = { header, sizeBytes, sha256, verification, verifiedAt: at, durationMs: took() };
      const change = { ...made, state: 'completed' as const, progress: 1 };
      await this.catalogue.store(id, change);
      await this.workshop.checkpoints.reached('backup.listed');
      this.logger.log('A backup was made', { id, sizeBytes, durationMs: made.durationMs });
      return { ...manifest, ...change };
    } catch (error) {
      return { ...manifest, ...(await this.failed(id, error, took())) };
    }
  }

  private async failed(id: string, thrown: unknown, durationMs: number): Promise<Partial<BackupManifest>> {
    const error = failureOf(thrown);
    if (error.code === 'unexpected') this.logger.error('A backup has failed', thrown, { id });
    else this.logger.warn('A backup has failed', { id, code: error.code, reason: error.message });
    const change = { state: 'failed' as const, error, durationMs };
    // Where its manifest could not be written, its file is none.
    await rm(this.workshop.places.file(id), { force: true }).catch(() => undefined);
    // Its manifest may be what there was no room for: then memory knows of it until the next start.
    await this.catalogue.store(id, change).catch(() => undefined);
    return change;
  }

  private async prove(id: string): Promise<BackupManifest> {
    const { sizeBytes, sha256, verifiedAt } = this.catalogue.get(id);
    const started = this.clock.monotonic();
    this.catalogue.note(id, {
      verification: { state: 'running', error: null, at: this.clock.now(), durationMs: null },
    });
    let error: Failure | null = null;
    try {
      await this.workshop.maker.open({
        keep: null,
        kind: 'verify',
        backupId: id,
        file: this.workshop.places.file(id),
        expected: sizeBytes !== null && sha256 !== null ? { sizeBytes, sha256 } : null,
        onProgress: () => undefined,
      });
    } catch (thrown) {
      error = failureOf(thrown);
      if (error.code === 'unexpected') this.logger.error('A backup could not be verified', thrown, { id });
      else this.logger.error('A backup is not good any more', { id, code: error.code, reason: error.message });
    }
    const at = this.clock.now();
    const durationMs = Math.round(this.clock.monotonic() - started);
    const verification = { state: error === null ? ('passed' as const) : ('failed' as const), error, at, durationMs };
    await this.catalogue
      .keep(id, { verification, verifiedAt: error === null ? at : verifiedAt })
      .catch((thrown: unknown) => {
        this.logger.warn('A manifest could not be written', { id, reason: failureOf(thrown).message });
      });
    return this.catalogue.get(id);
  }

  /** The row of what nobody was waiting for: a scheduled backup, and a failure after the answer was given. */
  private async record({ id, trigger, state, error, sizeBytes }: BackupManifest): Promise<void> {
    const isFailure = state === 'failed';
    if (trigger !== 'schedule' && !isFailure) return;
    await this.append('backup.create', id, isFailure ? 'failure' : 'success', { trigger, sizeBytes, ...error });
  }

  private async prune(newest: BackupManifest): Promise<void> {
    const all = this.catalogue.list().map((backup) => (backup.id === newest.id ? newest : backup));
    for (const { id, createdAt, trigger } of expired(all, this.settings.get('backup.keep'))) {
      try {
        await this.catalogue.remove(id);
        const changes = { reason: 'retention', trigger, createdAt: new Date(createdAt).toISOString() };
        await this.append('backup.delete', id, 'success', changes);
      } catch (error) {
        this.logger.warn('A backup past its time could not be removed', { id, reason: failureOf(error).message });
      }
    }
  }

  private async append(
    action: string,
    id: string,
    outcome: 'success' | 'failure',
    changes: Record<string, unknown>,
  ): Promise<void> {
    const target = { type: 'backup', id, name: null };
    await this.operations.append({ action, outcome, target, changes, actor: SYSTEM_ACTOR }).catch((error: unknown) => {
      this.logger.warn('A row of the operation log could not be written', { action, reason: failureOf(error).message });
    });
  }

  /** B12: that a key is lost is to be known before its backup is needed. */
  private tellMissingKeys(): void {
    const lost = this.catalogue.list().filter(({ header }) => header !== null && !this.workshop.ring.has(header.keyId));
    if (lost.length === 0) return;
    const keyIds = [...new Set(lost.map(({ header }) => header?.keyId))];
    this.logger.warn('Backups were made under a SECRET_KEY that is not here: they can not be restored', {
      backups: lost.length,
      keyIds,
    });
  }
}
