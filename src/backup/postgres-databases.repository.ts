import type { Client } from 'pg';
import { RESTORING_PARAMETER } from '../database/postgres-lock';
import { BackupFailedError } from './backup.errors';
import { connectPostgres } from './postgres-snapshot.repository';
import type { RestorePlan } from './restore-journal';

type PostgresPlan = RestorePlan & { type: 'postgres' };

/** The same server and user, another database. */
export function databaseUrl(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${encodeURIComponent(name)}`;
  return other.href;
}

export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1));
}

/** Makes an empty database as the live one is, in the place of one of the name. @throws BackupFailedError */
export async function createDatabase(url: string, name: string): Promise<void> {
  await administer(url, async (client) => {
    const { rows } = await client.query<{ d: Record<string, unknown> }>(
      "SELECT to_jsonb(d) || jsonb_build_object('encoding_name', pg_encoding_to_char(encoding)) AS d FROM pg_database d WHERE datname = $1",
      [databaseName(url)],
    );
    await client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${quoted(name)} TEMPLATE template0 ${localeOf(rows[0]?.d ?? {})}`);
  });
}

export async function dropDatabase(url: string, name: string): Promise<void> {
  await administer(url, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
  });
}

/**
 * Puts the staged database into the place of the live one, which keeps its content under another name. Both names change in
 * one transaction, so there is never none. Nobody is connected to a database that is renamed: connections to the live one
 * end, and until our lock is taken on the new one, that bears `token`, which keeps others off.
 */
export async function swapDatabases(url: string, { live, staged, old, token }: PostgresPlan): Promise<void> {
  await administer(url, async (client) => {
    await client.query(`ALTER DATABASE ${quoted(staged)} SET ${RESTORING_PARAMETER} = ${literal(token)}`);
    await client.query(`ALTER DATABASE ${quoted(live)} WITH ALLOW_CONNECTIONS false`);
    await endConnections(client, [live, staged]);
    await renameTogether(client, [
      [live, old],
      [staged, live],
    ]);
  });
}

/** Puts the old database back into its place, however far the swap came. Idempotent. */
export async function swapBack(url: string, { live, staged, old }: PostgresPlan): Promise<void> {
  await administer(url, async (client) => {
    if (await exists(client, old)) {
      if (await exists(client, live)) await client.query(`ALTER DATABASE ${quoted(live)} WITH ALLOW_CONNECTIONS false`);
      await endConnections(client, [live, old]);
      await renameTogether(client, [
        [live, staged],
        [old, live],
      ]);
    }
    await letConnect(client, live);
    await client.query(`DROP DATABASE IF EXISTS ${quoted(staged)} WITH (FORCE)`);
  });
}

/** The new database is open to everybody, and the old one gone. Idempotent. */
export async function finishSwap(url: string, { live, staged, old }: PostgresPlan): Promise<void> {
  await administer(url, async (client) => {
    await client.query(`ALTER DATABASE ${quoted(live)} RESET ${RESTORING_PARAMETER}`);
    for (const name of [old, staged]) await client.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
  });
}

/** Only its owner may rename a database. @throws BackupFailedError */
export async function requireOwner(url: string): Promise<void> {
  const client = await connectPostgres(url);
  try {
    const { rows } = await client.query<{ owns: boolean }>(
      `SELECT pg_has_role(datdba, 'USAGE') AS owns FROM pg_database WHERE datname = current_database()`,
    );
    if (rows[0]?.owns !== true) throw missingPrivilege(url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Identity of a database, whatever it is called; null: there is none. */
export async function findDatabase(url: string, name: string): Promise<string | null> {
  return administer(url, async (client) => {
    const { rows } = await client.query<{ oid: string }>(
      'SELECT oid::text AS oid FROM pg_database WHERE datname = $1',
      [name],
    );
    return rows[0]?.oid ?? null;
  });
}

export async function databaseFacts(url: string): Promise<{ major: number; sizeBytes: number }> {
  const client = await connectPostgres(url);
  try {
    const { rows } = await client.query<{ version: string; size: string }>(
      `SELECT current_setting('server_version_num') AS version, pg_database_size(current_database()) AS size`,
    );
    return { major: Math.floor(Number(rows[0]?.version) / 10_000), sizeBytes: Number(rows[0]?.size) };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Works from a neighbouring database: one can be neither renamed nor dropped from within. */
async function administer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectNeighbour(url);
  try {
    return await work(client);
  } catch (error) {
    throw explained(error, url);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function connectNeighbour(url: string): Promise<Client> {
  const neighbours = ['postgres', 'template1'].filter((name) => name !== databaseName(url));
  let failure: unknown;
  for (const name of neighbours) {
    try {
      return await connectPostgres(databaseUrl(url, name), 'mcps-one restore');
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function endConnections(client: Client, names: readonly string[]): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const { rowCount } = await client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1) AND pid <> pg_backend_pid()',
      [names],
    );
    if (rowCount === 0) return;
    await client.query('SELECT pg_sleep(0.05)');
  }
}

async function renameTogether(client: Client, names: readonly (readonly [from: string, to: string])[]): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const [from, to] of names) {
      if (await exists(client, from)) await client.query(`ALTER DATABASE ${quoted(from)} RENAME TO ${quoted(to)}`);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Asked first, because only the owner may: a swap that never began needs nothing. */
async function letConnect(client: Client, name: string): Promise<void> {
  const { rows } = await client.query<{ open: boolean }>(
    'SELECT datallowconn AS open FROM pg_database WHERE datname = $1',
    [name],
  );
  if (rows[0]?.open === false) await client.query(`ALTER DATABASE ${quoted(name)} WITH ALLOW_CONNECTIONS true`);
}

async function exists(client: Client, name: string): Promise<boolean> {
  return ((await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).rowCount ?? 0) > 0;
}

/** The same letters and their order; what other providers of them need is left to the server's default. */
function localeOf(database: Record<string, unknown>): string {
  const { encoding_name: encoding, datcollate, datctype, datlocprovider = 'c' } = database;
  if (datlocprovider !== 'c' || typeof datcollate !== 'string' || typeof datctype !== 'string') {
    return `ENCODING ${literal(typeof encoding === 'string' ? encoding : 'UTF8')}`;
  }
  return `ENCODING ${literal(String(encoding))} LC_COLLATE ${literal(datcollate)} LC_CTYPE ${literal(datctype)}`;
}

function explained(error: unknown, url: string): unknown {
  return (error as { code?: unknown }).code === '42501' ? missingPrivilege(url, error) : error;
}

function missingPrivilege(url: string, cause?: unknown): BackupFailedError {
  const role = decodeURIComponent(new URL(url).username);
  return new BackupFailedError(
    'database_privilege_missing',
    `Backups are proven, and restores made, in a database beside the live one: the role ${role} must be allowed to ` +
      `create one (ALTER ROLE ${role} CREATEDB) and must own the live one`,
    cause,
  );
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
