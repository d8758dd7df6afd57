import { writeFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import BetterSqlite3 from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { SCHEMA } from '../../src/app.schema';
import { parseDatabaseUrl, type DatabaseTarget } from '../../src/config/database-url';
import { createDataSource, logDataSourceOptions, type Schema } from '../../src/database/data-source';
import { logDatabaseFile, type LogTarget } from '../../src/database/log-database';
import { migrate } from '../../src/database/migration-runner';
import { PostgresReader } from '../../src/database/postgres-reader';
import type { Reader } from '../../src/database/reader';
import { SqliteReader } from '../../src/database/sqlite-reader';
import { Transactions } from '../../src/database/transactions';
import { createTestDatabase, type TestDatabase } from './test-database';

/** A fresh database with all its tables, opened as the application opens it. */
export interface MigratedDatabase {
  readonly database: TestDatabase;
  readonly target: DatabaseTarget;
  readonly dataSource: DataSource;
  readonly transactions: Transactions;
  /** Deletes all rows of a table of the logs, as a hand from outside would. */
  deleteLog(table: string): Promise<void>;
  /** Closes the connection and removes the database. */
  drop(): Promise<void>;
}

export async function createMigratedDatabase(schema: Schema = SCHEMA): Promise<MigratedDatabase> {
  // Statements that fail on purpose, connections that end with their database: what matters is in the assertions.
  Logger.overrideLogger(false);
  const database = await createTestDatabase(schema === SCHEMA ? 'migrated' : 'empty');
  const target = parseDatabaseUrl(database.url);
  const isCopy = target.type === 'sqlite' && schema === SCHEMA && copyOfFirst(target.file);
  const dataSource = await createDataSource(target, schema).initialize();
  if (!isCopy) await migrate(dataSource, target);
  if (!isCopy && target.type === 'sqlite' && schema.logs) {
    await migrateLogs(target.file, schema);
    if (schema === SCHEMA) first = [target.file, logDatabaseFile(target.file)].map(bytesOf);
  }
  return {
    database,
    target,
    dataSource,
    transactions: new Transactions(dataSource),
    deleteLog: async (table) => {
      if (target.type === 'postgres') await dataSource.query(`DELETE FROM ${table}`);
      else deleteInFile(logDatabaseFile(target.file), table);
    },
    drop: async () => {
      await dataSource.destroy();
      await database.drop();
    },
  };
}

/** The two files of the first SQLite database of this test file, as the migrations have left them: the next ones are copies. */
let first: Buffer[] | null = null;

function copyOfFirst(mainFile: string): boolean {
  if (first === null) return false;
  for (const [index, file] of [mainFile, logDatabaseFile(mainFile)].entries()) writeFileSync(file, first[index] ?? '');
  return true;
}

function bytesOf(file: string): Buffer {
  const database = new BetterSqlite3(file, { readonly: true });
  const bytes = database.serialize();
  database.close();
  return bytes;
}

function deleteInFile(file: string, table: string): void {
  const database = new BetterSqlite3(file, { timeout: 5_000 });
  // Messages are in chunks there.
  const tables = table === 'mcp_log' ? ['mcp_chunk', 'mcp_chunk_key'] : [table];
  for (const each of tables) database.exec(`DELETE FROM ${each}`);
  database.close();
}

async function migrateLogs(mainFile: string, schema: Schema): Promise<void> {
  const logs = await new DataSource(logDataSourceOptions(mainFile, schema)).initialize();
  await migrate(logs, { type: 'sqlite', file: logDatabaseFile(mainFile), temporary: true });
  await logs.destroy();
}

/** Where the logs of such a database are, as their writer is told. */
export function logTargetOf({ target }: MigratedDatabase): LogTarget {
  return target.type === 'sqlite'
    ? { type: 'sqlite', file: logDatabaseFile(target.file), mainFile: target.file }
    : { type: 'postgres', url: target.url };
}

/** The reader of such a database, as the application makes it. Close it before the database is dropped. */
export function readerOf(db: MigratedDatabase): Reader {
  const target = logTargetOf(db);
  return target.type === 'sqlite'
    ? new SqliteReader({ mainFile: target.mainFile, logFile: target.file })
    : new PostgresReader(db.dataSource);
}
