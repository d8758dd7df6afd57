import { MCP_COLUMNS, SYSTEM_COLUMNS } from '../../src/logs/log-columns';
import type { LogEntryRow, LogName, RowValues } from '../../src/logs/log-batch';
import type { LogStore } from '../../src/logs/log-store';
import type { McpLogRow } from '../../src/logs/mcp-log.entity';
import { PostgresLogStore } from '../../src/logs/postgres-log.repository';
import { SqliteLogStore } from '../../src/logs/sqlite-log.repository';
import type { SystemLogRow } from '../../src/logs/system-log.entity';
import { logTargetOf, type MigratedDatabase } from './migrated-database';

/** The store that the writer has for a database. */
export function logStoreOf(db: MigratedDatabase): LogStore {
  const target = logTargetOf(db);
  return target.type === 'sqlite' ? new SqliteLogStore(target.file) : new PostgresLogStore(target.url);
}

/** Values of a row as they are written: in the order of the columns, without `seq`. */
export function toEntry(log: LogName, row: object): LogEntryRow {
  const given = row as Record<string, RowValues[number] | boolean>;
  const columns = (log === 'mcp' ? MCP_COLUMNS : SYSTEM_COLUMNS).slice(1);
  const values = columns.map(({ property }) => given[property] ?? null);
  return { log, values: values.map((value) => (typeof value === 'boolean' ? Number(value) : value)) };
}

/** Writes rows of tests; they are numbered in the order given, as the writer does it. */
export function openLogStore(db: MigratedDatabase) {
  const store = logStoreOf(db);
  return {
    insertMcp: (rows: readonly McpLogRow[]) => store.write(rows.map((row) => toEntry('mcp', row))),
    insertSystem: (rows: readonly SystemLogRow[]) => store.write(rows.map((row) => toEntry('system', row))),
    close: () => store.close(),
  };
}
