import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Which SECRET_KEY the database belongs to, and how what former keys have signed is checked. */
export class CreateSecretKeys1763800006000 implements MigrationInterface {
  name = 'CreateSecretKeys1763800006000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'secret_keys',
        columns: [
          { name: 'number', type: 'integer', isPrimary: true, primaryKeyConstraintName: 'pk_secret_keys' },
          { name: 'key_id', type: 'varchar', length: '16' },
          { name: 'check_value', type: 'varchar', length: '64' },
          { name: 'first_operation', type: 'bigint' },
          { name: 'chain_key', type: 'text', isNullable: true },
          { name: 'created_at', type: 'bigint' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('secret_keys');
  }
}
