import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';
import { rememberClock } from './1763800007000-move-logs-to-a-file-of-their-own';
import { createSideTables, mcpLogIndexes, systemLogIndexes } from './logs/1763800007000-create-log-tables';

const REPLACED = ['ix_mcp_log_session_seq', 'ix_mcp_log_tool_seq', 'ix_mcp_log_at'];

/** PostgreSQL alone, where the logs stay in the one database: the indexes and side tables that SQLite's log file begins with. */
export class IndexLogs1763800007001 implements MigrationInterface {
  name = 'IndexLogs1763800007001';

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type !== 'postgres') return;
    for (const name of REPLACED) await runner.dropIndex('mcp_log', name);
    await runner.dropIndex('system_log', 'ix_system_log_at');
    await runner.createIndices('mcp_log', mcpLogIndexes());
    await runner.createIndices('system_log', systemLogIndexes());
    await createSideTables(runner);
    await runner.query('INSERT INTO mcp_log_name (tool_name, tool_id) SELECT DISTINCT tool_name, tool_id FROM mcp_log');
    for (const table of ['mcp_log', 'system_log']) await runner.query(rememberClock(table));
  }

  async down(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type !== 'postgres') return;
    await runner.dropTable('log_clock');
    await runner.dropTable('mcp_log_name');
    for (const { name } of systemLogIndexes()) await runner.dropIndex('system_log', name ?? '');
    for (const { name } of mcpLogIndexes()) await runner.dropIndex('mcp_log', name ?? '');
    await runner.createIndex('system_log', new TableIndex({ name: 'ix_system_log_at', columnNames: ['at'] }));
    await runner.createIndices('mcp_log', [
      new TableIndex({ name: 'ix_mcp_log_at', columnNames: ['at'] }),
      new TableIndex({ name: 'ix_mcp_log_tool_seq', columnNames: ['tool_id', 'seq'] }),
      new TableIndex({ name: 'ix_mcp_log_session_seq', columnNames: ['session_id', 'seq'] }),
    ]);
  }
}
