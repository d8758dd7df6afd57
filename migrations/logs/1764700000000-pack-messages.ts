import type { Database } from 'better-sqlite3';
import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';
import { registerChunkRows } from '../../src/database/chunk-rows';
import { ChunkInsert } from '../../src/database/chunk-insert';
import { type NumberedMessage, packChunks } from '../../src/database/message-chunk';
import { MESSAGE_COLUMNS } from '../../src/database/message-columns';
import { mcpLogIndexesOfFile, mcpLogTable } from './1763800007000-create-log-tables';

/** Messages that are moved at once. */
const AT_ONCE = 5_000;

/** MCP messages in chunks instead of a row each: what SQLite does for a row costs more than all else that records it. */
export class PackMessages1764700000000 implements MigrationInterface {
  name = 'PackMessages1764700000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'mcp_chunk',
        columns: [
          { name: 'first', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_chunk' },
          { name: 'last', type: 'integer' },
          { name: 'rows', type: 'integer' },
          { name: 'min_at', type: 'bigint' },
          { name: 'max_at', type: 'bigint' },
          { name: 'max_ms', type: 'double precision', isNullable: true },
          { name: 'head', type: 'text' },
          { name: 'cells', type: 'blob' },
          { name: 'payloads', type: 'blob' },
        ],
      }),
    );
    await runner.createIndices('mcp_chunk', [
      new TableIndex({ name: 'ix_mcp_chunk_min_at', columnNames: ['min_at'] }),
      new TableIndex({ name: 'ix_mcp_chunk_max_at', columnNames: ['max_at'] }),
    ]);
    await runner.createTable(
      new Table({
        name: 'mcp_chunk_key',
        withoutRowid: true,
        columns: [
          { name: 'key', type: 'text', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_chunk_key' },
          { name: 'first', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_chunk_key' },
        ],
      }),
    );
    packMessages(await connectionOf(runner), 'mcp_log');
    await runner.dropTable('mcp_log');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.createTable(mcpLogTable());
    await runner.createIndices('mcp_log', mcpLogIndexesOfFile());
    const database = await connectionOf(runner);
    registerChunkRows(database);
    database.exec(`INSERT INTO mcp_log (${MESSAGE_COLUMNS.join(', ')})
      SELECT m.* FROM mcp_chunk AS c CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, '{}') AS m
      ORDER BY c.first`);
    await runner.dropTable('mcp_chunk_key');
    await runner.dropTable('mcp_chunk');
  }
}

/** Packs the messages of a table that has them as rows, behind those that are packed. */
export function packMessages(database: Database, table: string): void {
  const read = database
    .prepare(`SELECT ${MESSAGE_COLUMNS.join(', ')} FROM ${table} WHERE seq > ? ORDER BY seq LIMIT ${AT_ONCE}`)
    .raw();
  const insert = new ChunkInsert(database);
  let after = database.prepare('SELECT COALESCE(max(last), 0) FROM mcp_chunk').pluck().get() as number;
  for (;;) {
    const rows = read.all(after) as [number, ...(string | number | null)[]][];
    const messages: NumberedMessage[] = rows.map(([seq, ...values]) => ({ seq, values }));
    insert.run(packChunks(messages));
    const newest = messages.at(-1);
    if (newest === undefined) return;
    after = newest.seq;
  }
}

/** The driver's own connection, inside of the migration's transaction. */
async function connectionOf(runner: QueryRunner): Promise<Database> {
  return (await runner.connect()) as Database;
}
