import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { SCHEMA } from '../../src/app.schema';
import type { DatabaseTarget } from '../../src/config/database-url';
import { createDataSource, type Schema } from '../../src/database/data-source';
import { migrate, readMigrationState } from '../../src/database/migration-runner';
import { createMigratedDatabase } from './migrated-database';

const PROGRAM = join(__dirname, 'killed-migration-program.ts');
/** As a release before had it. */
const OLD_MIGRATIONS = 4;
const OLD: Schema = { entities: [], migrations: SCHEMA.migrations.slice(0, OLD_MIGRATIONS) };

/** Migrates in a process of its own that is killed before that statement. Null where it was; else how many there were. */
async function migrateUntilKilled(target: DatabaseTarget, killAt: number | null): Promise<number | null> {
  const child = spawn(
    process.execPath,
    ['-r', join(__dirname, 'compile-typescript.cjs'), PROGRAM, JSON.stringify({ target, killAt })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (signal === 'SIGKILL') return null;
  if (code !== 0) throw new Error(`The migration ended with ${code}`);
  return Number(text);
}

/** How many statements it takes to bring an old database up to date. */
export async function countStatements(): Promise<number> {
  const db = await createMigratedDatabase(OLD);
  try {
    return (await migrateUntilKilled(db.target, null)) ?? 0;
  } finally {
    await db.drop();
  }
}

/** An old database with data, whose migration is killed there: the next start brings it up to date, and has all of the data. */
export async function expectToRecover(killAt: number): Promise<void> {
  const db = await createMigratedDatabase(OLD);
  try {
    await db.dataSource.query("INSERT INTO metric_points (series, step_seconds, at, data) VALUES ('s', 60, 0, 'kept')");
    // The lock of SQLite is per process: the other one needs ours to be closed.
    await db.dataSource.destroy();
    expect(await migrateUntilKilled(db.target, killAt)).toBeNull();
    const next = await createDataSource(db.target, SCHEMA).initialize();
    try {
      await migrate(next, db.target);
      expect(await readMigrationState(next)).toEqual({ applied: SCHEMA.migrations.length, pending: [] });
      expect((await next.driver.createSchemaBuilder().log()).upQueries).toEqual([]);
      expect(await next.query('SELECT data FROM metric_points')).toEqual([{ data: 'kept' }]);
    } finally {
      await next.destroy();
    }
    if (db.target.type === 'sqlite') {
      const { file } = db.target;
      const copies = readdirSync(dirname(file)).filter((name) =>
        name.startsWith(`${basename(file)}.before-migration-`),
      );
      // Whole ones alone; one of a try before may be left as well, and half a copy is told by its name.
      expect(copies.filter((name) => !name.endsWith('.tmp')).length).toBeGreaterThanOrEqual(1);
    }
    await db.dataSource.initialize();
  } finally {
    await db.drop();
  }
}
