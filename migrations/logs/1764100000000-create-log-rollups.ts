import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Counts of the logs by minute, hour and day, in the log file of SQLite. They fill by themselves from the rows there are. */
export class CreateLogRollups1764100000000 implements MigrationInterface {
  name = 'CreateLogRollups1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    await createRollups(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropRollups(runner);
  }
}

const primary = (table: string, name: string, type: string, length?: string) => ({
  name,
  type,
  ...(length === undefined ? {} : { length }),
  isPrimary: true,
  primaryKeyConstraintName: `pk_${table}`,
});

export async function createRollups(runner: QueryRunner): Promise<void> {
  await runner.createTable(
    new Table({
      name: 'log_rollup',
      columns: [
        primary('log_rollup', 'log', 'varchar', '16'),
        primary('log_rollup', 'step', 'integer'),
        primary('log_rollup', 'at', 'bigint'),
        primary('log_rollup', 'part', 'varchar', '16'),
        { name: 'entries', type: 'bigint' },
        { name: 'errors', type: 'bigint' },
      ],
    }),
  );
  await runner.createTable(
    new Table({
      name: 'mcp_rollup',
      columns: [
        primary('mcp_rollup', 'step', 'integer'),
        primary('mcp_rollup', 'at', 'bigint'),
        primary('mcp_rollup', 'key', 'varchar', '22'),
        { name: 'tool_id', type: 'varchar', length: '36' },
        { name: 'tool_name', type: 'varchar', length: '63' },
        { name: 'method', type: 'varchar', length: '128', isNullable: true },
        { name: 'target', type: 'text', isNullable: true },
        { name: 'ok', type: 'bigint' },
        { name: 'tool_error', type: 'bigint' },
        { name: 'rpc_error', type: 'bigint' },
        { name: 'timeout', type: 'bigint' },
        { name: 'cancelled', type: 'bigint' },
        { name: 'transport_error', type: 'bigint' },
        { name: 'notifications', type: 'bigint' },
        { name: 'durations', type: 'text' },
      ],
    }),
  );
  await runner.createTable(
    new Table({
      name: 'log_rollup_mark',
      columns: [primary('log_rollup_mark', 'log', 'varchar', '16'), { name: 'seq', type: 'bigint' }],
    }),
  );
}

export async function dropRollups(runner: QueryRunner): Promise<void> {
  for (const table of ['log_rollup_mark', 'mcp_rollup', 'log_rollup']) await runner.dropTable(table);
}
