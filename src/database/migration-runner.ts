import { existsSync, renameSync, rmSync } from 'node:fs';
import type { DataSource } from 'typeorm';
import { StartError } from '../common/start-error';
import type { DatabaseTarget } from '../config/database-url';

/** The database was written by a newer MCPS.ONE. */
export class SchemaNewerError extends StartError {
  constructor(readonly unknownMigrations: string[]) {
    super(
      `The database is newer than this program (it knows nothing of ${unknownMigrations.join(', ')}). ` +
        'Start the newer version, or restore a backup made by this one.',
    );
  }
}

/** MIGRATE_ON_START is off and there is something to migrate. */
export class MigrationsPendingError extends StartError {
  constructor(readonly pending: string[]) {
    super(
      `${pending.length} database migration(s) are pending: run \`npm run migration:run\`, or set MIGRATE_ON_START=true`,
    );
  }
}

export interface MigrationState {
  applied: number;
  pending: string[];
}

/** Any number that nothing else in the database uses for pg_advisory_lock. */
const ADVISORY_LOCK = 7_262_019;

/** Which migrations the database has, against those this program knows. @throws SchemaNewerError */
export async function readMigrationState(dataSource: DataSource): Promise<MigrationState> {
  const known = dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const applied = await appliedMigrations(dataSource);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new SchemaNewerError(unknown);
  return { applied: applied.length, pending: known.filter((name) => !applied.includes(name)) };
}

/**
 * Brings the schema up to date, all pending migrations in one transaction. An existing SQLite database is first copied
 * aside by SQLite itself (a copied file would miss what is still in the WAL); several instances on one PostgreSQL take turns.
 * Returns the names applied and where the copy is.
 */
export async function migrate(
  dataSource: DataSource,
  target: DatabaseTarget,
): Promise<{ applied: string[]; copy: string | null }> {
  if (target.type === 'sqlite') {
    const { applied, pending } = await readMigrationState(dataSource);
    if (pending.length === 0) return { applied: [], copy: null };
    const copy = applied > 0 && !target.temporary ? await copyAside(dataSource, target.file, applied) : null;
    return { applied: await runMigrations(dataSource), copy };
  }
  const runner = dataSource.createQueryRunner();
  try {
    await runner.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
    const { pending } = await readMigrationState(dataSource);
    return { applied: pending.length === 0 ? [] : await runMigrations(dataSource), copy: null };
  } finally {
    await runner.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]).catch(() => undefined);
    await runner.release();
  }
}

async function appliedMigrations(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return [];
    const rows = (await runner.query('SELECT name FROM migrations ORDER BY id')) as { name: string }[];
    return rows.map((row) => row.name);
  } finally {
    await runner.release();
  }
}

async function runMigrations(dataSource: DataSource): Promise<string[]> {
  const applied = await dataSource.runMigrations({ transaction: 'all' });
  return applied.map((migration) => migration.name);
}

async function copyAside(dataSource: DataSource, file: string, applied: number): Promise<string> {
  const base = `${file}.before-migration-${applied + 1}`;
  let copy = base;
  for (let n = 2; existsSync(copy); n++) copy = `${base}.${n}`;
  // Under another name until it is whole: a kill in between must not leave half a copy that looks like one.
  const unfinished = `${copy}.tmp`;
  rmSync(unfinished, { force: true });
  await dataSource.query('VACUUM INTO ?', [unfinished]);
  renameSync(unfinished, copy);
  return copy;
}
