import BetterSqlite3 from 'better-sqlite3';
import { ChunkInsert } from '../../src/database/chunk-insert';
import { packChunks } from '../../src/database/message-chunk';
import { MCP_COLUMNS } from '../../src/logs/log-columns';
import type { McpLogRow } from '../../src/logs/mcp-log.entity';
import { toEntry } from './log-stores';
import { logTargetOf, type MigratedDatabase } from './migrated-database';

/**
 * Stores messages with the numbers that they have, which must rise; on SQLite as chunks of these sizes, one after the other
 * and from the beginning again.
 */
export async function storeMessages(
  db: MigratedDatabase,
  rows: readonly McpLogRow[],
  sizes: readonly number[],
): Promise<void> {
  const target = logTargetOf(db);
  if (target.type === 'sqlite') storeChunks(target.file, rows, sizes);
  else await storeRows(db, rows);
}

/** How far the clock went back between two messages. */
function clockOf(rows: readonly McpLogRow[]): string {
  let [latest, back] = [-Infinity, 0];
  for (const { at } of rows) {
    back = Math.max(back, latest - at);
    latest = Math.max(latest, at);
  }
  return `INSERT INTO log_clock VALUES ('mcp_log', ${back}) ON CONFLICT (log) DO UPDATE SET back_ms = excluded.back_ms`;
}

function storeChunks(file: string, rows: readonly McpLogRow[], sizes: readonly number[]): void {
  const database = new BetterSqlite3(file);
  const insert = new ChunkInsert(database);
  database.exec(clockOf(rows));
  for (let start = 0, turn = 0; start < rows.length; turn++) {
    const end = start + (sizes[turn % sizes.length] ?? 1);
    const messages = rows.slice(start, end).map((row) => ({ seq: row.seq, values: toEntry('mcp', row).values }));
    insert.run(packChunks(messages));
    start = end;
  }
  database.close();
}

async function storeRows({ dataSource }: MigratedDatabase, rows: readonly McpLogRow[]): Promise<void> {
  const columns = MCP_COLUMNS.map(({ name }) => name).join(', ');
  const places = MCP_COLUMNS.map((_, place) => `$${place + 1}`).join(', ');
  await dataSource.query(clockOf(rows));
  await dataSource.transaction(async ({ queryRunner }) => {
    for (const row of rows) {
      const values = MCP_COLUMNS.map(({ property }) => (row as unknown as Record<string, unknown>)[property]);
      await queryRunner?.query(`INSERT INTO mcp_log (${columns}) VALUES (${places})`, values);
    }
  });
}
