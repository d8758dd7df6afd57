import { createReadStream, createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { BackupRefusedError } from './backup.errors';
import type { BackupFormat, TableCount } from './backup-header';
import { dumpDatabase, type OnChild, type PostgresPrograms } from './postgres-programs';
import type { Progress } from './sqlite-copy.repository';

export const ARCHIVE = 'database.pgdump';
/** Columns of each table, in the order in which their values were copied. */
const COLUMNS = 'columns.json';

export interface PostgresContent {
  tables: TableCount[];
  migrations: string[];
}

export interface PostgresSnapshot extends PostgresContent {
  format: BackupFormat;
  partNames: string[];
}

/** A connection of our own, for work that takes its time. Loaded only where there is a PostgreSQL. */
export async function connectPostgres(url: string, name = 'mcps-one backup'): Promise<Client> {
  const pg = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // Unheard, the end of the connection would end our process; whoever asks is told anyway.
  client.on('error', () => undefined);
  await client.connect();
  await client.query('SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0');
  return client;
}

/** One snapshot that nobody blocks: rows are counted in it, and what is copied is exactly what was counted. */
export async function snapshotPostgres(
  given: { url: string; folder: string; withoutTables: readonly string[]; programs: PostgresPrograms | null },
  onProgress: Progress,
  onChild: OnChild,
): Promise<PostgresSnapshot> {
  const { url, folder, withoutTables, programs } = given;
  const client = await connectPostgres(url);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const content = await readPostgres(client, withoutTables);
    if (programs === null) {
      const partNames = await copyOut(client, content.tables, folder, onProgress);
      return { ...content, format: 'pg-copy', partNames };
    }
    const { rows } = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
    const snapshot = rows[0]?.snapshot ?? '';
    await dumpDatabase(programs, { url, snapshot, file: join(folder, ARCHIVE), withoutRowsOf: withoutTables }, onChild);
    return { ...content, format: 'pg-dump', partNames: [ARCHIVE] };
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What is in a database, but for some tables. */
export async function countPostgres(url: string, withoutTables: readonly string[]): Promise<PostgresContent> {
  const client = await connectPostgres(url);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    return await readPostgres(client, withoutTables);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Fills the tables of a database that the migrations of the backup have made, all or nothing. @throws BackupRefusedError */
export async function copyIn(
  given: { url: string; folder: string; tables: readonly string[] },
  onProgress: Progress,
): Promise<void> {
  const columns = readColumns(given.folder);
  const client = await connectPostgres(given.url);
  const copy = await import('pg-copy-streams');
  try {
    await client.query('BEGIN');
    const order = await loadOrder(client, given.tables);
    if (order.length > 0) await client.query(`TRUNCATE ${order.map(quoted).join(', ')}`);
    for (const [index, table] of order.entries()) {
      onProgress(index, order.length);
      const names = (columns[table] ?? []).map(quoted).join(', ');
      const target = client.query(copy.from(`COPY ${quoted(table)} (${names}) FROM STDIN`));
      await pipeline(createReadStream(join(given.folder, partOf(table))), target);
    }
    await client.query('COMMIT');
  } catch (error) {
    // SQLSTATE 22 and 23, 42: what comes does not fit the tables.
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (typeof code !== 'string' || !/^(22|23|42)/.test(code)) throw error;
    throw new BackupRefusedError('backup_content_invalid', String(message).slice(0, 200), error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Copies the rows of some tables from one database into the empty ones of another. */
export async function carryTables(fromUrl: string, toUrl: string, tables: readonly string[]): Promise<void> {
  const copy = await import('pg-copy-streams');
  const [from, to] = [await connectPostgres(fromUrl), await connectPostgres(toUrl)];
  try {
    await from.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await to.query('BEGIN');
    for (const table of await loadOrder(to, tables)) {
      const names = (await columnsOf(from, table)).map(quoted).join(', ');
      await to.query(`TRUNCATE ${quoted(table)}`);
      await pipeline(
        from.query(copy.to(`COPY ${quoted(table)} (${names}) TO STDOUT`)),
        to.query(copy.from(`COPY ${quoted(table)} (${names}) FROM STDIN`)),
      );
    }
    await to.query('COMMIT');
  } finally {
    await from.end().catch(() => undefined);
    await to.end().catch(() => undefined);
  }
}

async function readPostgres(client: Client, withoutTables: readonly string[]): Promise<PostgresContent> {
  const names = (await tableNames(client)).filter((name) => !withoutTables.includes(name));
  const tables: TableCount[] = [];
  for (const name of names) {
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${quoted(name)}`);
    tables.push({ name, rows: Number(rows[0]?.n ?? 0) });
  }
  const migrations = names.includes('migrations')
    ? (await client.query<{ name: string }>('SELECT name FROM migrations ORDER BY id')).rows.map(({ name }) => name)
    : [];
  return { tables, migrations };
}

async function copyOut(
  client: Client,
  tables: readonly TableCount[],
  folder: string,
  onProgress: Progress,
): Promise<string[]> {
  const copy = await import('pg-copy-streams');
  const total = tables.reduce((sum, { rows }) => sum + rows, 0);
  const columns: Record<string, string[]> = {};
  let done = 0;
  for (const { name, rows } of tables) {
    const names = await columnsOf(client, name);
    columns[name] = names;
    const source = client.query(copy.to(`COPY ${quoted(name)} (${names.map(quoted).join(', ')}) TO STDOUT`));
    await pipeline(source, createWriteStream(join(folder, partOf(name)), { flags: 'wx', mode: 0o600 }));
    onProgress((done += rows), total);
  }
  writeFileSync(join(folder, COLUMNS), JSON.stringify(columns), { mode: 0o600 });
  return [COLUMNS, ...tables.map(({ name }) => partOf(name))];
}

async function tableNames(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename`,
  );
  return rows.map(({ name }) => name);
}

async function columnsOf(client: Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position`,
    [table],
  );
  return rows.map(({ name }) => name);
}

/** The tables in an order in which none refers to one that comes later. */
async function loadOrder(client: Client, tables: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ child: string; parent: string }>(
    `SELECT c.relname AS child, p.relname AS parent FROM pg_constraint k
     JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid WHERE k.contype = 'f'`,
  );
  const left = new Set(tables);
  const order: string[] = [];
  while (left.size > 0) {
    const waits = (table: string) =>
      rows.some(({ child, parent }) => child === table && parent !== table && left.has(parent));
    const free = [...left].filter((table) => !waits(table));
    // A circle of references: their order is no help then.
    for (const table of free.length > 0 ? free : [...left]) {
      left.delete(table);
      order.push(table);
    }
  }
  return order;
}

function readColumns(folder: string): Record<string, string[]> {
  try {
    return JSON.parse(readFileSync(join(folder, COLUMNS), 'utf8')) as Record<string, string[]>;
  } catch (error) {
    throw new BackupRefusedError('backup_content_invalid', 'its columns are not told', error);
  }
}

function partOf(table: string): string {
  return `${table}.copy`;
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
