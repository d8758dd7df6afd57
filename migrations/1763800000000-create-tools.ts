import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** The registry of tools, and what each offered when it was last seen. */
export class CreateTools1763800000000 implements MigrationInterface {
  name = 'CreateTools1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'tools',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true, primaryKeyConstraintName: 'pk_tools' },
          { name: 'name', type: 'varchar', length: '63' },
          { name: 'description', type: 'text' },
          { name: 'tags', type: 'text' },
          { name: 'transport', type: 'varchar', length: '20' },
          { name: 'command', type: 'text', isNullable: true },
          { name: 'args', type: 'text' },
          { name: 'cwd', type: 'text', isNullable: true },
          { name: 'env', type: 'text' },
          { name: 'url', type: 'text', isNullable: true },
          { name: 'headers', type: 'text' },
          { name: 'enabled', type: 'boolean' },
          { name: 'auto_start', type: 'boolean' },
          { name: 'restart_policy', type: 'varchar', length: '16' },
          { name: 'max_retries', type: 'integer' },
          { name: 'timeout_ms', type: 'integer' },
          { name: 'start_timeout_ms', type: 'integer', isNullable: true },
          { name: 'record_payloads', type: 'boolean' },
          { name: 'sharing', type: 'varchar', length: '16' },
          { name: 'memory_limit_bytes', type: 'bigint', isNullable: true },
          { name: 'desired', type: 'varchar', length: '16' },
          { name: 'version', type: 'integer' },
          { name: 'created_at', type: 'bigint' },
          { name: 'updated_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex('tools', new TableIndex({ name: 'ux_tools_name', columnNames: ['name'], isUnique: true }));
    await runner.createTable(
      new Table({
        name: 'tool_offerings',
        columns: [
          {
            name: 'tool_id',
            type: 'varchar',
            length: '36',
            isPrimary: true,
            primaryKeyConstraintName: 'pk_tool_offerings',
          },
          { name: 'at', type: 'bigint' },
          { name: 'content', type: 'text' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('tool_offerings');
    await runner.dropTable('tools');
  }
}
