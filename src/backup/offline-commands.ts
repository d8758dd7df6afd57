import { existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { newId } from '../common/ids';
import { SYSTEM_ACTOR } from '../common/request-context';
import type { AppConfig } from '../config/app-config';
import { SecretKeys } from '../config/secret-keys';
import { prepareSqliteFile, type Schema } from '../database/data-source';
import { type HeldLocks, takeLocks } from '../database/database.module';
import { type LogTarget, logDatabaseFile } from '../database/log-database';
import { Events } from '../events/events';
import { BackupFailedError } from './backup.errors';
import { BackupCatalogue } from './backup-catalogue';
import { BackupCheckpoints } from './backup-checkpoints';
import type { Trigger } from './backup-header';
import type { Made } from './backup-maker';
import { type BackupManifest, newManifest } from './backup-manifest';
import { BackupThreads } from './backup-threads';
import { BackupWorkshop } from './backup-workshop';
import { createDatabase, databaseName, findDatabase } from './postgres-databases.repository';
import { recoverRestore } from './restore-recovery';
import { type RestoreOutcome, RestoreSaga } from './restore-saga';
import { createEmptySqlite, isReadableSqlite } from './sqlite-copy.repository';

/** Told what is being done, for somebody who watches. */
export type Say = (text: string) => void;

type SetAside = { from: string; to: string }[];

export type OfflineRestore = RestoreOutcome & {
  /** Damaged files of before, where they are now. */
  setAside: string[];
};

/**
 * Backups and restores where the service does not run, or can't: with the instance lock held, so that it does not begin
 * meanwhile either. Every piece is the one that the service uses.
 */
export class OfflineBackups {
  private told = '';

  private constructor(
    private readonly config: AppConfig,
    private readonly workshop: BackupWorkshop,
    private readonly held: HeldLocks,
    private readonly say: Say,
  ) {}

  /** Runs `work` with the data locked. @throws DataLockedError when MCPS.ONE runs */
  static async with<T>(
    config: AppConfig,
    schema: Schema,
    say: Say,
    work: (offline: OfflineBackups) => Promise<T>,
  ): Promise<T> {
    const { database } = config;
    if (database.type === 'sqlite' && database.temporary) {
      throw new BackupFailedError('database_temporary', 'The configured database is a temporary one');
    }
    if (database.type === 'postgres') await makeWhereMissing(database.url);
    const held = await takeLocks(config, recoverRestore);
    const threads = new BackupThreads();
    try {
      await mkdir(config.backupDir, { recursive: true, mode: 0o700 });
      const target: LogTarget =
        database.type === 'sqlite'
          ? { type: 'sqlite', file: logDatabaseFile(database.file), mainFile: database.file }
          : { type: 'postgres', url: database.url };
      const keys = SecretKeys.load(config);
      const workshop = new BackupWorkshop(config, keys, schema, target, threads, new BackupCheckpoints());
      return await work(new OfflineBackups(config, workshop, held, say));
    } finally {
      await threads.stop();
      for (const lock of held.locks) await lock.release();
    }
  }

  /** Makes a backup that the service will list. */
  async create(note: string | null, trigger: Trigger = 'manual'): Promise<BackupManifest> {
    const manifest = newManifest({ id: newId(), createdAt: Date.now(), trigger, note });
    this.tell('backup');
    const made = await this.workshop.maker.make({ ...manifest, includeLogs: true, onProgress: () => undefined });
    return this.list(manifest, made);
  }

  /** Opens a file and proves what is in it. */
  async verify(file: string): Promise<Made> {
    const order = { keep: null, kind: 'verify' as const, backupId: newId(), file: resolve(file), expected: null };
    return this.workshop.maker.open({ ...order, onProgress: () => undefined });
  }

  /**
   * Puts a file into the place of the live data. What is live becomes a safety backup first; what is damaged, and can be
   * none, is set aside as it is. @throws RestoreFailedError: then all is as it was
   */
  async restore(file: string, { adopt }: { adopt: boolean }): Promise<OfflineRestore> {
    const { workshop } = this;
    let aside: SetAside | null = null;
    const saga = new RestoreSaga(
      workshop,
      {
        close: async () => {
          aside = await this.setDamagedAside();
        },
        makeSafe: async () => (aside === null ? (await this.create(null, 'pre-restore')).id : ''),
        hold: () => Promise.resolve(() => undefined),
        moveLock: (token, work) => this.held.moveWith(token, work),
        open: () => Promise.resolve(),
      },
      {
        ...{ backupId: newId(), file: resolve(file), expected: null, withoutKey: adopt },
        staging: {
          ...{ schema: workshop.schema, ring: workshop.ring, backupId: basename(file).slice(0, 60) },
          ...{ actor: SYSTEM_ACTOR, ip: null, entitled: null, adopt },
        },
        onProgress: (phase) => this.tell(phase),
      },
    );
    try {
      return { ...(await saga.run()), setAside: pathsOf(aside) };
    } catch (error) {
      await putBack(aside);
      throw error;
    }
  }

  /** SQLite files that can't be read, or are not there: a restore needs sound ones to write into. */
  private async setDamagedAside(): Promise<SetAside | null> {
    const { database } = this.config;
    if (database.type !== 'sqlite') return null;
    const files = [database.file, logDatabaseFile(database.file)];
    if (files.every((file) => isReadableSqlite(file))) return null;
    const suffix = `.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    const moved: SetAside = [];
    for (const file of files) {
      for (const part of [file, `${file}-wal`, `${file}-shm`]) {
        if (!existsSync(part)) continue;
        await rename(part, `${part}${suffix}`);
        moved.push({ from: part, to: `${part}${suffix}` });
      }
      prepareSqliteFile(file);
      createEmptySqlite(file);
    }
    return moved;
  }

  private async list(manifest: BackupManifest, { header, sizeBytes, sha256 }: Made): Promise<BackupManifest> {
    const catalogue = new BackupCatalogue(this.workshop.places, new Events());
    catalogue.begin(manifest);
    const at = Date.now();
    const verification = { state: 'passed' as const, error: null, at, durationMs: null };
    const known = { header, sizeBytes, sha256, verification, verifiedAt: at, durationMs: at - manifest.createdAt };
    await catalogue.keep(manifest.id, { ...known, state: 'completed', progress: 1 });
    return catalogue.get(manifest.id);
  }

  private tell(phase: string): void {
    if (phase === this.told) return;
    this.told = phase;
    this.say(STEPS[phase] ?? phase);
  }
}

const STEPS: Record<string, string> = {
  backup: 'Making a backup of what is live',
  staging: 'Opening the backup, proving it, and bringing a copy of it up to date',
  swapping: 'Replacing the data',
  checking: 'Counting what is live now',
};

/** A database that is gone altogether is made anew, so that there is something to take the place of. */
async function makeWhereMissing(url: string): Promise<void> {
  const name = databaseName(url);
  if ((await findDatabase(url, name)) === null) await createDatabase(url, name);
}

async function putBack(aside: SetAside | null): Promise<void> {
  for (const { from, to } of aside ?? []) await rename(to, from);
}

function pathsOf(aside: SetAside | null): string[] {
  return (aside ?? []).map(({ to }) => to);
}
