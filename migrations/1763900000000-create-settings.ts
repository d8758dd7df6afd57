import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Settings that somebody has changed at run time. */
export class CreateSettings1763900000000 implements MigrationInterface {
  name = 'CreateSettings1763900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'settings',
        columns: [
          { name: 'key', type: 'varchar', length: '64', isPrimary: true, primaryKeyConstraintName: 'pk_settings' },
          { name: 'value', type: 'text' },
          { name: 'updated_at', type: 'bigint' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('settings');
  }
}
