import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { StartError } from '../common/start-error';

/** Another process works on the same data. */
export class DataLockedError extends StartError {
  constructor(
    readonly what: string,
    readonly holder: number | null,
  ) {
    super(
      `${what} is in use by another MCPS.ONE${holder === null ? '' : ` (pid ${holder})`}. ` +
        'Stop that one first, or give this one its own DATA_DIR and DATABASE_URL.',
    );
  }
}

/**
 * Keeps a second process off the same data. The lock is an exclusive SQLite transaction on a small file beside the data:
 * the operating system ends it with the process, so it is free at once after kill -9 and never stale. The pid beside it
 * only serves the message.
 */
export class InstanceLock {
  private constructor(
    private readonly connection: Database,
    private readonly pidFile: string,
  ) {}

  /** @throws DataLockedError at once when another process holds it */
  static take(what: string): InstanceLock {
    const pidFile = `${what}.lock.pid`;
    const connection = new BetterSqlite3(`${what}.lock`, { timeout: 0 });
    try {
      connection.pragma('journal_mode = MEMORY');
      connection.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      connection.close();
      if ((error as { code?: unknown }).code === 'SQLITE_BUSY') throw new DataLockedError(what, readPid(pidFile));
      throw error;
    }
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return new InstanceLock(connection, pidFile);
  }

  /** Idempotent. The lock file itself stays: removing it would let two processes lock two files of one name. */
  release(): void {
    if (!this.connection.open) return;
    rmSync(this.pidFile, { force: true });
    this.connection.close();
  }
}

function readPid(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    return Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}
