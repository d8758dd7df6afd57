import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { DataSource, type DataSourceOptions, type EntitySchema, type MigrationInterface } from 'typeorm';
import type { DatabaseTarget } from '../config/database-url';
import { logDatabaseFile } from './log-database';
import { QueryLogger } from './query-logger';
import { serializeSqlite } from './sqlite-serializer';
import { WriteGate } from './write-gate';

/** How long a statement waits for a lock held by another process, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * What no statement of ours may need on PostgreSQL (migrations are excepted): the server ends it after 30 s, and a
 * transaction in which nobody says anything after a minute; a server that says nothing itself is waited for 35 s.
 */
const STATEMENT_LIMITS = {
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 60_000,
  query_timeout: 35_000,
};

type ClassType = new () => object;

/** By which the schema of the application is asked for where modules meet. */
export const DATABASE_SCHEMA = Symbol('DatabaseSchema');

/** The tables and how they came to be; the composition root (`app.schema.ts`) knows them all. */
export interface Schema {
  entities: ClassType[];
  migrations: (new () => MigrationInterface)[];
  /** The logs: on SQLite in a file of their own with these migrations, on PostgreSQL beside the other tables. */
  logs?: {
    entities: (database: DatabaseTarget['type']) => EntitySchema[];
    migrations: (new () => MigrationInterface)[];
  };
  /** Where sealed values are, so that the key can be checked and changed without knowing what they are for. */
  sealed?: SealedColumns[];
}

/** Columns of a table that map names to sealed values, each bound to its place (`secretPlace`). */
export interface SealedColumns {
  entity: ClassType;
  /** Property that identifies a row. */
  id: string;
  maps: string[];
}

/** TypeORM's options for a database; the same entities and the same migrations on SQLite and PostgreSQL. */
export function dataSourceOptions(
  target: DatabaseTarget,
  schema: Schema,
  options: { logQueries?: boolean; unlimited?: boolean } = {},
): DataSourceOptions {
  const common = {
    entities: [...schema.entities, ...(target.type === 'postgres' ? (schema.logs?.entities('postgres') ?? []) : [])],
    migrations: schema.migrations,
    synchronize: false,
    migrationsTableName: 'migrations',
    logging: options.logQueries ? ('all' as const) : (['error', 'warn'] as ['error', 'warn']),
    logger: new QueryLogger(),
  };
  if (target.type === 'postgres') {
    return {
      ...common,
      type: 'postgres',
      url: target.url,
      applicationName: 'mcps-one',
      // To connect, or to get one of the pool that is free.
      connectTimeoutMS: 5_000,
      poolSize: 10,
      extra: { idleTimeoutMillis: 30_000, keepAlive: true, ...(options.unlimited ? {} : STATEMENT_LIMITS) },
    };
  }
  return {
    ...common,
    type: 'better-sqlite3',
    database: target.file,
    enableWAL: true,
    timeout: BUSY_TIMEOUT_MS,
    prepareDatabase: (database: Database) => {
      database.pragma('synchronous = NORMAL');
      database.pragma('foreign_keys = ON');
      database.pragma('journal_size_limit = 67108864');
    },
  };
}

/** A data source that is safe under concurrent requests on either database. Not yet initialized. */
export function createDataSource(
  target: DatabaseTarget,
  schema: Schema,
  options?: { logQueries?: boolean; unlimited?: boolean; gate?: WriteGate },
): DataSource {
  const dataSource = new DataSource(dataSourceOptions(target, schema, options));
  return target.type === 'sqlite' ? serializeSqlite(dataSource, options?.gate ?? new WriteGate()) : dataSource;
}

/** TypeORM's options for the log file beside a SQLite database: for its migrations alone, the rest goes by worker threads. */
export function logDataSourceOptions(mainFile: string, schema: Schema): DataSourceOptions {
  const tables = { entities: [], migrations: schema.logs?.migrations ?? [] };
  const options = dataSourceOptions({ type: 'sqlite', file: logDatabaseFile(mainFile), temporary: false }, tables);
  return Object.assign(options, {
    entities: schema.logs?.entities('sqlite') ?? [],
    prepareDatabase: (database: Database) => {
      // To be set before the first table: only so can what retention deletes be given back in slices.
      database.pragma('auto_vacuum = INCREMENTAL');
      database.pragma('synchronous = NORMAL');
    },
  });
}

/** Makes the folder and the file of a SQLite database readable by nobody else (0700, 0600). */
export function prepareSqliteFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  // SQLite gives -wal and -shm the mode of the database file.
  chmodSync(file, 0o600);
}

/** A file that opens may still take no write (F50): this is one that changes nothing. */
export async function proveWritable(dataSource: DataSource): Promise<void> {
  const [row] = await dataSource.query<{ user_version: number }[]>('PRAGMA user_version');
  await dataSource.query(`PRAGMA user_version = ${row?.user_version ?? 0}`);
}
