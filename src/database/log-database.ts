import { join, parse } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';

/** Where the logs of messages and of the system are kept, and what holds them while the database is away. */
export class LogStorage {
  constructor(
    readonly target: LogTarget,
    /** Folder of the spool: made when it is needed. */
    readonly spoolFolder: string,
    readonly spoolMaxBytes: number,
  ) {}
}

/** A SQLite file of their own beside the main one, or the one PostgreSQL database. */
export type LogTarget = { type: 'sqlite'; file: string; mainFile: string } | { type: 'postgres'; url: string };

/** `mcps.db` has its logs in `mcps-logs.db`: two writers on one file would wait for each other's lock. */
export function logDatabaseFile(mainFile: string): string {
  const { dir, name, ext } = parse(mainFile);
  return join(dir, `${name}-logs${ext}`);
}

/**
 * Whether a log file has exactly these migrations. Nearly every start finds that it has, and needs no TypeORM to see it: that
 * would cost each start a tenth of a second and some megabytes.
 */
export function hasMigrations(file: string, names: readonly string[]): boolean {
  const database = new BetterSqlite3(file, { readonly: true });
  try {
    const applied = database.prepare('SELECT name FROM migrations ORDER BY id').pluck().all();
    return applied.length === names.length && names.every((name, place) => applied[place] === name);
  } catch {
    // No such table yet.
    return false;
  } finally {
    database.close();
  }
}
