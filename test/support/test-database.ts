/**
 * A fresh, empty database for one test file, of the kind its jest project asks for (TEST_DATABASE):
 *
 *   let database: TestDatabase;
 *   beforeAll(async () => { database = await createTestDatabase(); });
 *   afterAll(() => database.drop());
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { postgresTemplate } from './postgres-template';

declare global {
  /** Set by jest.config.cjs; absent in the unit project, where SQLite is meant. */
  var TEST_DATABASE: 'sqlite' | 'postgres' | undefined;
}

export interface TestDatabase {
  /** What DATABASE_URL takes. */
  readonly url: string;
  readonly type: 'sqlite' | 'postgres';
  /** Removes it, also under open connections. Idempotent. */
  drop(): Promise<void>;
}

/** `migrated`: on PostgreSQL, where they take a second, the migrations of the application are done already. */
export async function createTestDatabase(content: 'empty' | 'migrated' = 'empty'): Promise<TestDatabase> {
  return globalThis.TEST_DATABASE === 'postgres' ? await createPostgresDatabase(content) : await createSqliteDatabase();
}

async function createSqliteDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'mcps-db-'));
  return {
    // Three slashes, then the absolute path with its own.
    url: `sqlite:///${join(folder, 'mcps.db')}`,
    type: 'sqlite',
    drop: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function createPostgresDatabase(content: 'empty' | 'migrated'): Promise<TestDatabase> {
  const server = process.env['TEST_POSTGRES_URL'];
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the test in a *-postgres jest project');
  const name = `mcps_test_${randomBytes(8).toString('hex')}`;
  const template = content === 'empty' ? '' : ` TEMPLATE ${await postgresTemplate(server)}`;
  await execute(server, `CREATE DATABASE ${name}${template}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    type: 'postgres',
    drop: () => execute(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
