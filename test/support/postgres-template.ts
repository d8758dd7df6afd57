import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Client } from 'pg';
import { SCHEMA } from '../../src/app.schema';
import { parseDatabaseUrl } from '../../src/config/database-url';
import { createDataSource } from '../../src/database/data-source';
import { migrate } from '../../src/database/migration-runner';

const TEMPLATE = 'mcps_template';
const DUPLICATE_DATABASE = '42P04';

/**
 * The name of a database on the throwaway server that has all tables of the application and no rows: a copy of it is made in a
 * tenth of the time that the migrations take. Whoever needs it first makes it.
 */
export async function postgresTemplate(server: string): Promise<string> {
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 60_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE]);
    if (rowCount === 0) await make(client, server);
  } finally {
    await client.end();
  }
  return TEMPLATE;
}

/** Under another name until it is whole: tests of another worker may be about to make it as well. */
async function make(client: Client, server: string): Promise<void> {
  // Its hundreds of statements tell nobody anything.
  Logger.overrideLogger(false);
  const draft = `${TEMPLATE}_${randomBytes(8).toString('hex')}`;
  await client.query(`CREATE DATABASE ${draft}`);
  const url = new URL(server);
  url.pathname = `/${draft}`;
  const target = parseDatabaseUrl(url.href);
  const dataSource = await createDataSource(target, SCHEMA).initialize();
  await migrate(dataSource, target);
  await dataSource.destroy();
  try {
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${TEMPLATE}`);
  } catch (error) {
    if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error;
    await client.query(`DROP DATABASE ${draft}`);
  }
}
