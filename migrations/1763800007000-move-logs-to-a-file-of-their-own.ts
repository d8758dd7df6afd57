import BetterSqlite3, { type Database } from 'better-sqlite3';
import { DataSource, type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';
import { prepareSqliteFile } from '../src/database/data-source';
import { logDatabaseFile } from '../src/database/log-database';
import { MESSAGES_VIEW, registerChunkRows } from '../src/database/chunk-rows';
import { MESSAGE_COLUMNS } from '../src/database/message-columns';
import { CreateLogTables1763800007000 } from './logs/1763800007000-create-log-tables';
import { packMessages } from './logs/1764700000000-pack-messages';

const TABLES = ['mcp_log', 'system_log'] as const;

/**
 * SQLite alone: MCP messages and the system log move to a file of their own beside the database. They are copied and
 * committed there before the tables are dropped here, so a kill in between leaves them in both, and the next run goes on.
 */
export class MoveLogsToAFileOfTheirOwn1763800007000 implements MigrationInterface {
  name = 'MoveLogsToAFileOfTheirOwn1763800007000';

  async up(runner: QueryRunner): Promise<void> {
    const file = mainFile(runner);
    if (file === null) return;
    const counts = await Promise.all(
      TABLES.map((table) => runner.query(`SELECT count(*) AS n FROM ${table}`) as Promise<{ n: number }[]>),
    );
    if (counts.some(([count]) => count !== undefined && count.n > 0)) await carryOver(file);
    for (const table of TABLES) await runner.dropTable(table);
  }

  async down(runner: QueryRunner): Promise<void> {
    const file = mainFile(runner);
    if (file === null) return;
    await createFormerTables(runner);
    const logs = new BetterSqlite3(logDatabaseFile(file));
    try {
      for (const table of TABLES) await bringBack(logs, table, runner);
    } finally {
      logs.close();
    }
  }
}

function mainFile(runner: QueryRunner): string | null {
  const { options } = runner.dataSource;
  return options.type === 'better-sqlite3' ? options.database : null;
}

async function carryOver(main: string): Promise<void> {
  const file = logDatabaseFile(main);
  prepareSqliteFile(file);
  await createTables(file);
  const logs = new BetterSqlite3(file, { timeout: 10_000 });
  try {
    logs.pragma('synchronous = FULL');
    // What was committed before this migration: its own transaction does not touch these rows. The plain BEGIN takes no
    // write lock on them, which the migration holds.
    logs.prepare('ATTACH ? AS former').run(main);
    logs.exec('BEGIN');
    carryMessages(logs);
    logs.exec(`
      INSERT OR IGNORE INTO main.system_log SELECT seq, id, at, severity, context, message, request_id, data
        FROM former.system_log ORDER BY seq;
      INSERT OR IGNORE INTO main.mcp_log_name SELECT DISTINCT tool_name, tool_id FROM former.mcp_log;
      ${TABLES.map((table) => rememberClock(table, `former.${table}`)).join('\n')}
      COMMIT;`);
  } finally {
    logs.close();
  }
}

/** Where this was taken back and is done again, the file has its messages in chunks (PackMessages). */
function carryMessages(logs: Database): void {
  if (hasTable(logs, 'mcp_log')) {
    logs.exec(
      `INSERT OR IGNORE INTO main.mcp_log SELECT ${MESSAGE_COLUMNS.join(', ')} FROM former.mcp_log ORDER BY seq`,
    );
  } else packMessages(logs, 'former.mcp_log');
}

function hasTable(logs: Database, name: string): boolean {
  return logs.prepare(`SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?`).get(name) !== undefined;
}

/** Only the first migration of the log file: the later ones, which this one can't know, come after it. */
async function createTables(file: string): Promise<void> {
  const source = await new DataSource({
    type: 'better-sqlite3',
    database: file,
    migrations: [CreateLogTables1763800007000],
    migrationsTableName: 'migrations',
    enableWAL: true,
    prepareDatabase: (database: Database) => {
      database.pragma('auto_vacuum = INCREMENTAL');
    },
  }).initialize();
  try {
    await source.runMigrations({ transaction: 'all' });
  } finally {
    await source.destroy();
  }
}

/** How far `at` ever fell back behind an earlier row. */
export function rememberClock(table: string, rows = table): string {
  return `INSERT INTO log_clock (log, back_ms)
    SELECT '${table}', COALESCE(MAX(earlier - at), 0)
    FROM (SELECT at, MAX(at) OVER (ORDER BY seq) AS earlier FROM ${rows}) AS rows_in_order
    WHERE true
    ON CONFLICT (log) DO UPDATE SET back_ms = excluded.back_ms;`;
}

async function bringBack(logs: Database, table: string, runner: QueryRunner): Promise<void> {
  if (table === 'mcp_log' && hasTable(logs, 'mcp_chunk')) {
    registerChunkRows(logs);
    logs.exec(MESSAGES_VIEW);
  } else if (!hasTable(logs, table)) return;
  for (const row of logs.prepare(`SELECT * FROM ${table} ORDER BY seq`).iterate()) {
    const values = Object.entries(row as Record<string, unknown>);
    await runner.query(
      `INSERT INTO ${table} (${values.map(([name]) => name).join(', ')}) VALUES (${values.map(() => '?').join(', ')})`,
      values.map(([, value]) => value),
    );
  }
}

async function createFormerTables(runner: QueryRunner): Promise<void> {
  await runner.createTable(
    new Table({
      name: 'system_log',
      columns: [
        { name: 'seq', type: 'bigint', isPrimary: true, primaryKeyConstraintName: 'pk_system_log' },
        { name: 'id', type: 'varchar', length: '36' },
        { name: 'at', type: 'bigint' },
        { name: 'severity', type: 'integer' },
        { name: 'context', type: 'varchar', length: '100', isNullable: true },
        { name: 'message', type: 'text' },
        { name: 'request_id', type: 'varchar', length: '128', isNullable: true },
        { name: 'data', type: 'text', isNullable: true },
      ],
    }),
  );
  await runner.createIndices('system_log', [
    new TableIndex({ name: 'ux_system_log_id', columnNames: ['id'], isUnique: true }),
    new TableIndex({ name: 'ix_system_log_at', columnNames: ['at'] }),
    new TableIndex({ name: 'ix_system_log_severity_seq', columnNames: ['severity', 'seq'] }),
  ]);
  await runner.createTable(
    new Table({
      name: 'mcp_log',
      columns: [
        { name: 'seq', type: 'bigint', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_log' },
        { name: 'id', type: 'varchar', length: '36' },
        { name: 'at', type: 'bigint' },
        { name: 'tool_id', type: 'varchar', length: '36' },
        { name: 'tool_name', type: 'varchar', length: '63' },
        { name: 'session_id', type: 'varchar', length: '64', isNullable: true },
        { name: 'client', type: 'varchar', length: '200', isNullable: true },
        { name: 'direction', type: 'varchar', length: '16' },
        { name: 'kind', type: 'varchar', length: '16' },
        { name: 'method', type: 'varchar', length: '128', isNullable: true },
        { name: 'target', type: 'text', isNullable: true },
        { name: 'rpc_id', type: 'varchar', length: '128', isNullable: true },
        { name: 'outcome', type: 'varchar', length: '16', isNullable: true },
        { name: 'duration_ms', type: 'double precision', isNullable: true },
        { name: 'size_bytes', type: 'bigint' },
        { name: 'truncated', type: 'boolean' },
        { name: 'payload', type: 'text', isNullable: true },
      ],
    }),
  );
  await runner.createIndices('mcp_log', [
    new TableIndex({ name: 'ux_mcp_log_id', columnNames: ['id'], isUnique: true }),
    new TableIndex({ name: 'ix_mcp_log_at', columnNames: ['at'] }),
    new TableIndex({ name: 'ix_mcp_log_tool_seq', columnNames: ['tool_id', 'seq'] }),
    new TableIndex({ name: 'ix_mcp_log_session_seq', columnNames: ['session_id', 'seq'] }),
  ]);
}
