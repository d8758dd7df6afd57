import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Credentials of machines. */
export class CreateApiKeys1763800005000 implements MigrationInterface {
  name = 'CreateApiKeys1763800005000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'api_keys',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true, primaryKeyConstraintName: 'pk_api_keys' },
          { name: 'name', type: 'varchar', length: '100' },
          { name: 'prefix', type: 'varchar', length: '16' },
          { name: 'hash', type: 'varchar', length: '64' },
          { name: 'role', type: 'varchar', length: '16' },
          { name: 'tool_ids', type: 'text', isNullable: true },
          { name: 'created_at', type: 'bigint' },
          { name: 'expires_at', type: 'bigint', isNullable: true },
          { name: 'last_used_at', type: 'bigint', isNullable: true },
        ],
      }),
    );
    await runner.createIndex(
      'api_keys',
      new TableIndex({ name: 'ux_api_keys_hash', columnNames: ['hash'], isUnique: true }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('api_keys');
  }
}
