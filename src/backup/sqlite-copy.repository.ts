import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import BetterSqlite3, { type Database } from 'better-sqlite3';
import { BackupRefusedError } from './backup.errors';
import type { TableCount } from './backup-header';

/** Pages copied before the thread looks up: 4 MiB. */
const PAGES_A_STEP = 1_000;
const ALL_PAGES = 0x7fff_ffff;
/** How long a restore waits for the write lock, in milliseconds. */
const SWAP_LIMIT_MS = 60_000;

export interface SqliteContent {
  tables: TableCount[];
  migrations: string[];
}

/** For a thread of its own: every call blocks. */
export type Progress = (done: number, total: number) => void;

/**
 * A consistent copy of a database that others are writing to, and what is in it, counted in the same snapshot. The counts
 * begin a transaction, and the copy is made on that very connection: it stays in the snapshot, so that it ends whatever
 * others write, and has exactly the rows that were counted.
 */
export async function copySqlite(from: string, to: string, onProgress: Progress): Promise<SqliteContent> {
  removeSqlite(to);
  const database = new BetterSqlite3(from, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    database.exec('BEGIN');
    const content = readContent(database);
    await copyPages(database, to, PAGES_A_STEP, onProgress);
    return content;
  } finally {
    database.close();
  }
}

/** Opens a copy as nobody else will: sound in every page, every reference and every count. @throws BackupRefusedError */
export function checkSqlite(file: string): SqliteContent {
  let database: Database | null = null;
  try {
    database = new BetterSqlite3(file, { fileMustExist: true, timeout: 10_000 });
    // One file, nothing beside it: what is packed is all there is.
    database.pragma('journal_mode = DELETE');
    const problems = database.pragma('integrity_check(3)', { simple: true });
    if (problems !== 'ok') throw new BackupRefusedError('backup_content_invalid', String(problems).slice(0, 200));
    if ((database.pragma('foreign_key_check') as unknown[]).length > 0) {
      throw new BackupRefusedError('backup_content_invalid', 'a row refers to one that is not there');
    }
    return readContent(database);
  } catch (error) {
    if (error instanceof BackupRefusedError) throw error;
    const { code } = error as { code?: unknown };
    if (typeof code === 'string' && /^SQLITE_(NOTADB|CORRUPT|ERROR|CANTOPEN|FORMAT|IOERR_SHORT_READ)/.test(code)) {
      throw new BackupRefusedError('backup_content_invalid', undefined, error);
    }
    throw error;
  } finally {
    database?.close();
  }
}

/** What is in a file that others are writing to. */
export function countSqlite(file: string): SqliteContent {
  const database = new BetterSqlite3(file, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    database.exec('BEGIN');
    return readContent(database);
  } finally {
    database.close();
  }
}

/**
 * Puts the content of one file into another one that is open elsewhere, in one transaction: the others see the old content
 * or the new, also after a kill. Renaming one over the other would leave them writing to a file without a name.
 */
export async function replaceSqlite(from: string, live: string, onProgress: Progress): Promise<void> {
  const until = performance.now() + SWAP_LIMIT_MS;
  const source = new BetterSqlite3(from, { readonly: true, fileMustExist: true });
  try {
    assertPageSize(source, live);
    for (;;) {
      if (await copyPages(source, live, ALL_PAGES, onProgress).catch(busyOnly)) break;
      if (performance.now() > until) throw new Error(`${live} was locked for ${SWAP_LIMIT_MS / 1000} s`);
      await pause(50);
    }
  } finally {
    source.close();
  }
  settle(live);
}

/** Whether a file is a sound database that has something in it. */
export function isReadableSqlite(file: string): boolean {
  try {
    const database = new BetterSqlite3(file, { fileMustExist: true, timeout: 10_000 });
    try {
      return (
        database.pragma('integrity_check(1)', { simple: true }) === 'ok' && readContent(database).tables.length > 0
      );
    } finally {
      database.close();
    }
  } catch {
    return false;
  }
}

/** A database without tables, which others can write into as into the one that the program makes. */
export function createEmptySqlite(file: string): void {
  const database = new BetterSqlite3(file);
  try {
    database.pragma('journal_mode = WAL');
    // Without a first page there would be nothing to copy.
    database.pragma('user_version = 1');
  } finally {
    database.close();
  }
}

export function removeSqlite(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${suffix}`, { force: true });
}

function readContent(database: Database): SqliteContent {
  const names = database
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .pluck()
    .all() as string[];
  const tables = names.map((name) => ({
    name,
    rows: database
      .prepare(`SELECT count(*) FROM "${name.replaceAll('"', '""')}"`)
      .pluck()
      .get() as number,
  }));
  const migrations = names.includes('migrations')
    ? (database.prepare('SELECT name FROM migrations ORDER BY id').pluck().all() as string[])
    : [];
  return { tables, migrations };
}

/**
 * SQLite's own backup. It reports success with nothing copied where the destination is locked: no pages in all is no copy.
 */
async function copyPages(source: Database, to: string, pages: number, onProgress: Progress): Promise<boolean> {
  const { totalPages } = await source.backup(to, {
    progress: ({ totalPages: total, remainingPages }) => {
      onProgress(total - remainingPages, total);
      return pages;
    },
  });
  onProgress(totalPages, totalPages);
  if (totalPages > 0) return true;
  if (pages !== ALL_PAGES) throw new Error('SQLite has copied nothing: the copy is locked by somebody');
  return false;
}

function busyOnly(error: unknown): false {
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && /^SQLITE_(BUSY|LOCKED)/.test(code)) return false;
  throw error;
}

/** SQLite can't change the page size of a file in WAL mode, and would say only that it is read-only. */
function assertPageSize(source: Database, live: string): void {
  const target = new BetterSqlite3(live, { readonly: true, fileMustExist: true, timeout: 10_000 });
  try {
    const [given, wanted] = [source, target].map((database) => Number(database.pragma('page_size', { simple: true })));
    if (given !== wanted) {
      throw new BackupRefusedError('backup_content_invalid', `its pages have ${given} bytes, those here ${wanted}`);
    }
  } finally {
    target.close();
  }
}

/** What was copied is on the disk before anybody relies on it: in WAL mode a commit alone does not see to that. */
function settle(live: string): void {
  for (const file of [`${live}-wal`, live]) {
    if (!existsSync(file)) continue;
    const handle = openSync(file, 'r+');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }
  const database = new BetterSqlite3(live, { timeout: 10_000 });
  try {
    database.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}
