import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { SCHEMA } from '../../src/app.schema';
import { parseDatabaseUrl, type DatabaseTarget } from '../../src/config/database-url';
import { createDataSource, type Schema } from '../../src/database/data-source';
import { migrate } from '../../src/database/migration-runner';
import { Transactions } from '../../src/database/transactions';
import { createTestDatabase, type TestDatabase } from './test-database';

/** A fresh database with all its tables, opened as the application opens it. */
export interface MigratedDatabase {
  readonly database: TestDatabase;
  readonly target: DatabaseTarget;
  readonly dataSource: DataSource;
  readonly transactions: Transactions;
  /** Closes the connection and removes the database. */
  drop(): Promise<void>;
}

export async function createMigratedDatabase(schema: Schema = SCHEMA): Promise<MigratedDatabase> {
  // Statements that fail on purpose, connections that end with their database: what matters is in the assertions.
  Logger.overrideLogger(false);
  const database = await createTestDatabase();
  const target = parseDatabaseUrl(database.url);
  const dataSource = await createDataSource(target, schema).initialize();
  await migrate(dataSource, target);
  return {
    database,
    target,
    dataSource,
    transactions: new Transactions(dataSource),
    drop: async () => {
      await dataSource.destroy();
      await database.drop();
    },
  };
}
