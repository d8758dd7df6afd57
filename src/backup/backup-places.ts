import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppConfig } from '../config/app-config';
import { isId } from '../common/ids';
import { writeDurably } from './durable-file';

const EXTENSION = '.mcpsbak';
const MANIFEST = '.json';
const JOB = 'job.json';
const PARTS = 'parts';

/** What a folder of work is for; still there after a kill. */
export interface JobMark {
  jobId: string;
  kind: 'create' | 'verify' | 'restore' | 'upload';
  backupId: string;
  startedAt: number;
  trigger: string;
}

/**
 * Where backups are and where they are worked on. Names come from ids alone, never from what somebody sends. Copies in clear
 * are made in DATA_DIR, where the data itself is in clear: BACKUP_DIR may be a disk of somebody else.
 */
export class BackupPlaces {
  readonly folder: string;
  readonly workRoot: string;

  constructor({ backupDir, dataDir }: Pick<AppConfig, 'backupDir' | 'dataDir'>) {
    this.folder = backupDir;
    this.workRoot = join(dataDir, 'backup-work');
  }

  file(id: string): string {
    return join(this.folder, `${checked(id)}${EXTENSION}`);
  }

  /** The file until it is whole. */
  draft(id: string): string {
    return `${this.file(id)}.tmp`;
  }

  manifest(id: string): string {
    return join(this.folder, `${checked(id)}${MANIFEST}`);
  }

  work(jobId: string): string {
    return join(this.workRoot, checked(jobId));
  }

  parts(jobId: string): string {
    return join(this.work(jobId), PARTS);
  }

  /** Makes the folder of a job, with its mark in it. */
  async beginWork(mark: JobMark): Promise<string> {
    await mkdir(this.parts(mark.jobId), { recursive: true, mode: 0o700 });
    await writeDurably(join(this.work(mark.jobId), JOB), JSON.stringify(mark));
    return this.parts(mark.jobId);
  }

  async endWork(jobId: string): Promise<void> {
    await rm(this.work(jobId), { recursive: true, force: true, maxRetries: 3 });
  }

  /** Ids of what is listed: those that have a manifest. */
  async manifestIds(): Promise<string[]> {
    const names = await readdir(this.folder);
    return names
      .filter((name) => name.endsWith(MANIFEST))
      .map((name) => name.slice(0, -MANIFEST.length))
      .filter(isId);
  }

  /** Files that nobody has finished: of jobs that were killed. */
  async drafts(): Promise<string[]> {
    const names = await readdir(this.folder);
    return names
      .filter((name) => name.endsWith('.tmp') && isId(name.slice(0, 36)))
      .map((name) => join(this.folder, name));
  }

  /** Folders of jobs that were killed. */
  async workIds(): Promise<string[]> {
    return existsSync(this.workRoot) ? (await readdir(this.workRoot)).filter(isId) : [];
  }

  jobFile(jobId: string): string {
    return join(this.work(jobId), JOB);
  }

  /** Bytes that copies in clear may take. */
  async roomForWork(): Promise<number> {
    await mkdir(this.workRoot, { recursive: true, mode: 0o700 });
    return freeBytes(this.workRoot);
  }

  roomForFiles(): Promise<number> {
    return freeBytes(this.folder);
  }
}

/** Of the free space some stays for all else that is written there. */
async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor(bavail * bsize * 0.95);
}

/** An id is made by us or was compared with one: nothing else becomes a part of a path. */
function checked(id: string): string {
  if (!isId(id)) throw new Error('A backup is named by its id alone');
  return id;
}
