import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Client } from 'pg';
import { SCHEMA } from '../../src/app.schema';
import { parseDatabaseUrl } from '../../src/config/database-url';
import { createDataSource } from '../../src/database/data-source';
import { migrate } from '../../src/database/migration-runner';

const TEMPLATE = 'mcps_template';

/**
 * The name of a database on the throwaway server that has all tables of the application and no rows: a copy of it is made in a
 * tenth of the time that the migrations take. Whoever needs it first makes it; the others wait for that (a lock of the server,
 * for they are processes of their own: two who make it at the same moment fail in more than one way).
 */
export async function postgresTemplate(server: string, name = TEMPLATE): Promise<string> {
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 60_000 });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await make(name, client, server);
  } finally {
    // The lock goes with the connection.
    await client.end();
  }
  return name;
}

/** Under another name until it is whole: whoever makes it may be ended in the middle. */
async function make(name: string, client: Client, server: string): Promise<void> {
  // Its hundreds of statements tell nobody anything.
  Logger.overrideLogger(false);
  const draft = `${name}_${randomBytes(8).toString('hex')}`;
  await client.query(`CREATE DATABASE ${draft}`);
  const url = new URL(server);
  url.pathname = `/${draft}`;
  const target = parseDatabaseUrl(url.href);
  const dataSource = await createDataSource(target, SCHEMA).initialize();
  await migrate(dataSource, target);
  await dataSource.destroy();
  await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
}
