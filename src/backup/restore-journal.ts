import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Actor } from '../common/request-context';
import { syncFolder, writeDurably } from './durable-file';

/** How staged data takes the place of the live one, and how the old one comes back. */
export type RestorePlan =
  | {
      type: 'sqlite';
      /** Live file, the one that comes, and the copy of the one that goes; the logs only where the backup has some. */
      files: { live: string; staged: string; old: string }[];
    }
  | { type: 'postgres'; live: string; staged: string; old: string; token: string; carryLogs: boolean };

export interface RestoreFailure {
  code: string;
  message: string;
}

/** What has to be known of a restore to end it after a kill. */
export interface RestoreEntry {
  version: 1;
  backupId: string;
  safetyBackupId: string | null;
  /** Epoch milliseconds. */
  startedAt: number;
  actor: Actor;
  ip: string | null;
  plan: RestorePlan;
  /** Folder of the staged and the old files. */
  workFolder: string;
  /**
   * `swapping`: the live data may be half of one and half of the other, the old one is to be put back. `done`: the new data
   * is live and proven. `undone`: the old data is back.
   */
  phase: 'swapping' | 'done' | 'undone';
  failure: RestoreFailure | null;
}

/**
 * DATA_DIR/restore.json: there while a restore puts other data into the place of the live one. Outside of the database,
 * because that is what is being replaced.
 */
export class RestoreJournal {
  readonly path: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'restore.json');
  }

  find(): RestoreEntry | null {
    if (!existsSync(this.path)) return null;
    const entry = this.read();
    if ((entry.version as number) !== 1)
      throw new Error(`${this.path} was written by a newer MCPS.ONE: start that one`);
    return entry;
  }

  private read(): RestoreEntry {
    try {
      return JSON.parse(readFileSync(this.path, 'utf8')) as RestoreEntry;
    } catch (error) {
      throw new Error(`${this.path} is damaged: a restore was under way, look at docs/backup.md before you remove it`, {
        cause: error,
      });
    }
  }

  async write(entry: RestoreEntry): Promise<void> {
    await writeDurably(this.path, JSON.stringify(entry, null, 2));
  }

  remove(): void {
    rmSync(this.path, { force: true });
    syncFolder(dirname(this.path));
  }
}
