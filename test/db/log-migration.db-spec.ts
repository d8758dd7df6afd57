import type { DataSource, MigrationInterface } from 'typeorm';
import { MoveLogsToAFileOfTheirOwn1763800007000 } from '../../migrations/1763800007000-move-logs-to-a-file-of-their-own';
import { DataSource as TypeOrmDataSource } from 'typeorm';
import { SCHEMA } from '../../src/app.schema';
import { createDataSource, logDataSourceOptions, type Schema } from '../../src/database/data-source';
import { logDatabaseFile } from '../../src/database/log-database';
import { migrate } from '../../src/database/migration-runner';
import { newId } from '../../src/common/ids';
import { McpLogRepository } from '../../src/logs/mcp-log.repository';
import { SystemLogRepository } from '../../src/logs/system-log.repository';
import { describeOn } from '../support/describe-on';
import { logStoreOf, toEntry } from '../support/log-stores';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../support/migrated-database';

/** The tables as version 0.1.0 had them. */
const BEFORE: Schema = { entities: [], migrations: SCHEMA.migrations.slice(0, 3) };

class FailAfterwards1799999999999 implements MigrationInterface {
  name = 'FailAfterwards1799999999999';

  up(): Promise<void> {
    return Promise.reject(new Error('killed'));
  }

  down(): Promise<void> {
    return Promise.resolve();
  }
}

const ROWS = 25;
/** The clock went back in the middle. */
const timeOf = (seq: number) => (seq < 10 ? 100_000 + seq : 50_000 + seq);

async function insertFormerRows(dataSource: DataSource, from = 1, to = ROWS): Promise<void> {
  for (let seq = from; seq <= to; seq++) {
    await dataSource.query(
      `INSERT INTO mcp_log (seq, id, at, tool_id, tool_name, direction, kind, size_bytes, truncated, payload)
       VALUES (${seq}, '${newId()}', ${timeOf(seq)}, 't-1', '${seq % 2 ? 'old' : 'new'}', 'to-server', 'request', 1, false, '{"n":${seq}}')`,
    );
    await dataSource.query(
      `INSERT INTO system_log (seq, id, at, severity, message) VALUES (${seq}, '${newId()}', ${seq}, 1, 'line ${seq}')`,
    );
  }
}

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function aFormerInstallation(): Promise<MigratedDatabase> {
  const db = await createMigratedDatabase(BEFORE);
  closing.push(() => db.drop());
  await insertFormerRows(db.dataSource);
  return db;
}

async function open(db: MigratedDatabase, schema: Schema = SCHEMA): Promise<DataSource> {
  const dataSource = await createDataSource(db.target, schema).initialize();
  closing.push(() => dataSource.destroy());
  return dataSource;
}

async function migrateLogFile(db: MigratedDatabase): Promise<void> {
  if (db.target.type !== 'sqlite') return;
  const logs = await new TypeOrmDataSource(logDataSourceOptions(db.target.file, SCHEMA)).initialize();
  await migrate(logs, { type: 'sqlite', file: logDatabaseFile(db.target.file), temporary: true });
  await logs.destroy();
}

/** What the application finds afterwards. */
async function found(db: MigratedDatabase) {
  const reader = readerOf(db);
  const mcp = new McpLogRepository(reader);
  const page = { order: 'asc', limit: 500 } as const;
  const rows = await mcp.list(page);
  const late = await mcp.list({ ...page, from: 100_000 });
  const lines = await new SystemLogRepository(reader).list(page);
  const names = await mcp.toolIdsNamed('old');
  await reader.close();
  return {
    seqs: rows.map(({ seq }) => seq),
    payloads: rows.map(({ payload }) => payload),
    late: late.length,
    lines,
    names,
  };
}

const range = (to: number) => Array.from({ length: to }, (_, index) => index + 1);

describe('an installation of before the logs moved', () => {
  it('keeps all its rows, their numbers and their order', async () => {
    const db = await aFormerInstallation();
    await migrate(await open(db), db.target);
    await migrateLogFile(db);
    const { seqs, payloads, late, lines, names } = await found(db);
    expect(seqs).toEqual(range(ROWS));
    expect(payloads[6]).toBe('{"n":7}');
    expect(late).toBe(9);
    expect(lines.map(({ message }) => message)).toEqual(range(ROWS).map((n) => `line ${n}`));
    expect(names).toEqual(['t-1']);
  });

  it('goes on numbering behind them', async () => {
    const db = await aFormerInstallation();
    await migrate(await open(db), db.target);
    await migrateLogFile(db);
    const store = logStoreOf(db);
    const line = toEntry('system', { id: newId(), at: 1, severity: 1, message: 'new' });
    expect(await store.write([line])).toEqual([ROWS + 1]);
    await store.close();
  });
});

describeOn('sqlite', 'the move of the logs to a file of their own', () => {
  const tables = async (dataSource: DataSource) =>
    (await dataSource.query<{ name: string }[]>(`SELECT name FROM sqlite_schema WHERE type = 'table'`)).map(
      ({ name }) => name,
    );

  it('leaves no log table in the main file', async () => {
    const db = await aFormerInstallation();
    const dataSource = await open(db);
    await migrate(dataSource, db.target);
    expect(await tables(dataSource)).not.toContain('mcp_log');
    expect(await tables(dataSource)).not.toContain('system_log');
  });

  it('loses and doubles nothing when it is cut off after the copy, and rows come before the next try (F54)', async () => {
    const db = await aFormerInstallation();
    const cutOff = await open(db, { ...SCHEMA, migrations: [...SCHEMA.migrations, FailAfterwards1799999999999] });
    await expect(migrate(cutOff, db.target)).rejects.toThrow('killed');
    expect(await tables(cutOff)).toContain('mcp_log');
    await insertFormerRows(db.dataSource, ROWS + 1, ROWS + 3);
    await migrate(await open(db), db.target);
    await migrateLogFile(db);
    expect((await found(db)).seqs).toEqual(range(ROWS + 3));
  });

  it('can be taken back with what came since, and done again', async () => {
    const db = await aFormerInstallation();
    const dataSource = await open(db);
    await migrate(dataSource, db.target);
    await migrateLogFile(db);
    const store = logStoreOf(db);
    await store.write([toEntry('system', { id: newId(), at: 1, severity: 1, message: 'since' })]);
    await store.close();
    const since = SCHEMA.migrations.slice(SCHEMA.migrations.indexOf(MoveLogsToAFileOfTheirOwn1763800007000));
    for (const _ of since) await dataSource.undoLastMigration();
    const [mcp] = await dataSource.query<{ n: number }[]>('SELECT count(*) AS n FROM mcp_log');
    const [system] = await dataSource.query<{ n: number }[]>('SELECT count(*) AS n FROM system_log');
    expect([mcp?.n, system?.n]).toEqual([ROWS, ROWS + 1]);
    await migrate(dataSource, db.target);
    const { seqs, lines } = await found(db);
    expect([seqs.length, lines.length]).toEqual([ROWS, ROWS + 1]);
  });
});
