import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/**
 * The logs in a SQLite file of their own. `seq` is `integer` here, not `bigint`: only that makes it the row's own number
 * in SQLite, which saves one tree for each insert and each lookup.
 */
export class CreateLogTables1763800007000 implements MigrationInterface {
  name = 'CreateLogTables1763800007000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(mcpLogTable());
    await runner.createIndices('mcp_log', mcpLogIndexesOfFile());
    await runner.createTable(
      new Table({
        name: 'system_log',
        columns: [
          { name: 'seq', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_system_log' },
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
      new TableIndex({ name: 'ix_system_log_severity_seq', columnNames: ['severity', 'seq'] }),
      ...systemLogIndexes(),
    ]);
    await createSideTables(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['log_clock', 'mcp_log_name', 'system_log', 'mcp_log']) await runner.dropTable(table);
  }
}

/** Messages, a row each: how they were kept before they were packed. */
export function mcpLogTable(): Table {
  return new Table({
    name: 'mcp_log',
    columns: [
      { name: 'seq', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_log' },
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
  });
}

export function mcpLogIndexesOfFile(): TableIndex[] {
  return [new TableIndex({ name: 'ux_mcp_log_id', columnNames: ['id'], isUnique: true }), ...mcpLogIndexes()];
}

/** Those that PostgreSQL gets as well. Partial ones cost the many rows that are not in them nothing. */
export function mcpLogIndexes(): TableIndex[] {
  return [
    new TableIndex({ name: 'ix_mcp_log_at_seq', columnNames: ['at', 'seq'] }),
    new TableIndex({ name: 'ix_mcp_log_tool_seq', columnNames: ['tool_id', 'seq'] }),
    new TableIndex({
      name: 'ix_mcp_log_session_seq',
      columnNames: ['session_id', 'seq'],
      where: '"session_id" IS NOT NULL',
    }),
    new TableIndex({ name: 'ix_mcp_log_target_seq', columnNames: ['target', 'seq'], where: '"target" IS NOT NULL' }),
    new TableIndex({
      name: 'ix_mcp_log_method_seq',
      columnNames: ['method', 'seq'],
      where: `"method" <> 'tools/call'`,
    }),
    new TableIndex({
      name: 'ix_mcp_log_kind_seq',
      columnNames: ['kind', 'seq'],
      where: `"kind" = 'error' OR "kind" = 'notification'`,
    }),
    new TableIndex({
      name: 'ix_mcp_log_duration_seq',
      columnNames: ['duration_ms', 'seq'],
      where: '"duration_ms" >= 10',
    }),
  ];
}

export function systemLogIndexes(): TableIndex[] {
  return [
    new TableIndex({ name: 'ix_system_log_at_seq', columnNames: ['at', 'seq'] }),
    new TableIndex({ name: 'ix_system_log_context_seq', columnNames: ['context', 'seq'] }),
  ];
}

export async function createSideTables(runner: QueryRunner): Promise<void> {
  // Under which names a tool was recorded: finds the rows of one that is gone without an index on every row.
  await runner.createTable(
    new Table({
      name: 'mcp_log_name',
      columns: [
        {
          name: 'tool_name',
          type: 'varchar',
          length: '63',
          isPrimary: true,
          primaryKeyConstraintName: 'pk_mcp_log_name',
        },
        {
          name: 'tool_id',
          type: 'varchar',
          length: '36',
          isPrimary: true,
          primaryKeyConstraintName: 'pk_mcp_log_name',
        },
      ],
    }),
  );
  // How far the clock has ever gone back between two rows, in milliseconds: what a time range needs to become a range of seq.
  await runner.createTable(
    new Table({
      name: 'log_clock',
      columns: [
        { name: 'log', type: 'varchar', length: '16', isPrimary: true, primaryKeyConstraintName: 'pk_log_clock' },
        { name: 'back_ms', type: 'bigint' },
      ],
    }),
  );
}
