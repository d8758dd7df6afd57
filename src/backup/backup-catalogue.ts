import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { Events } from '../events/events';
import { BackupNotFoundError } from './backup.errors';
import { failureOf } from './backup-failures';
import { type BackupManifest, newManifest, parseManifest } from './backup-manifest';
import type { BackupPlaces, JobMark } from './backup-places';
import { type Trigger, TRIGGERS } from './backup-header';
import { syncFolder, writeDurably } from './durable-file';

/** A piece of news of the same job is told that often at most. */
const TELL_EVERY_MS = 250;

/**
 * The backups there are. The manifests beside the files are the truth, outside of the database, so that a restore changes
 * nothing of it; this is what was read of them at the start and has happened since.
 */
@Injectable()
export class BackupCatalogue {
  private readonly logger = new Logger('Backup');
  private readonly known = new Map<string, BackupManifest>();
  private readonly toldAt = new Map<string, number>();

  constructor(
    private readonly places: BackupPlaces,
    private readonly events: Events,
  ) {}

  /** Reads the folder anew, and ends what killed jobs have left; gives those. @throws what the file system says */
  async load(): Promise<JobMark[]> {
    await mkdir(this.places.folder, { recursive: true, mode: 0o700 });
    for (const id of await this.places.manifestIds()) this.read(id);
    for (const file of await this.places.drafts()) await rm(file, { force: true });
    const marks: JobMark[] = [];
    for (const jobId of await this.places.workIds()) {
      const mark = await readMark(this.places.jobFile(jobId));
      await this.places.endWork(jobId);
      if (mark === null) continue;
      marks.push(mark);
      if (mark.kind === 'create' && !this.known.has(mark.backupId)) await this.tellInterrupted(mark);
    }
    return marks;
  }

  /** Newest first. */
  list(): BackupManifest[] {
    return [...this.known.values()].sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
  }

  find(id: string): BackupManifest | null {
    return this.known.get(id) ?? null;
  }

  /** @throws BackupNotFoundError */
  get(id: string): BackupManifest {
    const found = this.find(id);
    if (found === null) throw new BackupNotFoundError();
    return found;
  }

  /** Changes what is known, in memory alone: for what goes on. */
  note(id: string, change: Partial<BackupManifest>): BackupManifest {
    const next = { ...this.get(id), ...change };
    this.known.set(id, next);
    // That it has got further can wait for the next piece of news, all else is one.
    this.tell(id, { isNews: Object.keys(change).some((key) => key !== 'progress') });
    return next;
  }

  begin(manifest: BackupManifest): void {
    this.known.set(manifest.id, manifest);
    this.tell(manifest.id, { isNews: true });
  }

  /** Writes beside the file what is to be known of it; known it is by `note`, which is to follow. @throws what the file system says */
  async store(id: string, change: Partial<BackupManifest>): Promise<void> {
    await writeDurably(this.places.manifest(id), JSON.stringify({ ...this.get(id), ...change }, null, 2));
  }

  /** Changes what stands beside the file and then what is known, also where the file system refuses. @throws what that says */
  async keep(id: string, change: Partial<BackupManifest>): Promise<void> {
    try {
      await this.store(id, change);
    } finally {
      this.note(id, change);
    }
  }

  /** The manifest first: a file without one is none. */
  async remove(id: string): Promise<void> {
    await rm(this.places.manifest(id), { force: true });
    await rm(this.places.file(id), { force: true });
    if (existsSync(this.places.folder)) syncFolder(this.places.folder);
    this.known.delete(id);
    this.tell(id, { isNews: true });
  }

  private read(id: string): void {
    try {
      const text = readFileSync(this.places.manifest(id), 'utf8');
      this.known.set(id, this.looked(parseManifest(text, id)));
    } catch (error) {
      // Nothing is removed: a person can look at it, and put the right one in its place.
      this.logger.warn('A manifest of a backup is passed over', { id, reason: messageOf(error) });
    }
  }

  /** What the file itself shows at a glance: that it is there, and as long as it was. */
  private looked(manifest: BackupManifest): BackupManifest {
    if (manifest.state !== 'completed') return manifest;
    const entry = lstatSync(this.places.file(manifest.id), { throwIfNoEntry: false });
    const problem =
      entry === undefined
        ? { code: 'backup_file_missing', message: 'The file of the backup is gone' }
        : entry.isFile() && entry.size === manifest.sizeBytes
          ? null
          : { code: 'backup_changed', message: 'The file is not the one that was made' };
    if (problem === null) return manifest;
    this.logger.warn('A backup can not be used any more', { id: manifest.id, code: problem.code });
    const at = Date.now();
    return { ...manifest, verifiedAt: null, verification: { state: 'failed', error: problem, at, durationMs: null } };
  }

  private async tellInterrupted(mark: JobMark): Promise<void> {
    await rm(this.places.file(mark.backupId), { force: true });
    const trigger: Trigger = TRIGGERS.find((each) => each === mark.trigger) ?? 'manual';
    const manifest = newManifest({ id: mark.backupId, createdAt: mark.startedAt, trigger, note: null });
    this.begin(manifest);
    const error = { code: 'backup_interrupted', message: 'MCPS.ONE was ended while the backup was made' };
    await this.keep(mark.backupId, { state: 'failed', error }).catch((failure: unknown) => {
      this.logger.warn('A manifest could not be written', { id: mark.backupId, reason: failureOf(failure).message });
    });
    this.logger.warn('A backup was interrupted; what was left of it is gone', { id: mark.backupId });
  }

  private tell(id: string, { isNews }: { isNews: boolean }): void {
    const now = performance.now();
    if (!isNews && now - (this.toldAt.get(id) ?? -Infinity) < TELL_EVERY_MS) return;
    this.toldAt.set(id, now);
    this.events.tell('backup.changed', { backupId: id });
  }
}

async function readMark(file: string): Promise<JobMark | null> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as JobMark;
  } catch {
    // Killed before it was written: then there is nothing else of it.
    return null;
  }
}
