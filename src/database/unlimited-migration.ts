import type { DataSource } from 'typeorm';
import type { DatabaseTarget } from '../config/database-url';
import { createDataSource, type Schema } from './data-source';
import { migrate, readMigrationState } from './migration-runner';

/** Brings the schema up to date; on PostgreSQL over a connection without the limits of all others: an index on a large table takes its time. */
export async function migrateUnlimited(
  dataSource: DataSource,
  target: DatabaseTarget,
  schema: Schema,
): ReturnType<typeof migrate> {
  if (target.type === 'sqlite') return migrate(dataSource, target);
  const { pending } = await readMigrationState(dataSource);
  if (pending.length === 0) return { applied: [], copy: null };
  const unlimited = await createDataSource(target, schema, { unlimited: true }).initialize();
  try {
    return await migrate(unlimited, target);
  } finally {
    await unlimited.destroy();
  }
}
