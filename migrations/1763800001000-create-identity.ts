import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Users and their logins. */
export class CreateIdentity1763800001000 implements MigrationInterface {
  name = 'CreateIdentity1763800001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'users',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true, primaryKeyConstraintName: 'pk_users' },
          { name: 'username', type: 'varchar', length: '64' },
          { name: 'password_hash', type: 'varchar', length: '255' },
          { name: 'role', type: 'varchar', length: '16' },
          { name: 'disabled', type: 'boolean' },
          { name: 'must_change_password', type: 'boolean' },
          { name: 'version', type: 'integer' },
          { name: 'created_at', type: 'bigint' },
          { name: 'updated_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'users',
      new TableIndex({ name: 'ux_users_username', columnNames: ['username'], isUnique: true }),
    );
    await runner.createTable(
      new Table({
        name: 'sessions',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true, primaryKeyConstraintName: 'pk_sessions' },
          { name: 'user_id', type: 'varchar', length: '36' },
          { name: 'created_at', type: 'bigint' },
          { name: 'last_used_at', type: 'bigint' },
          { name: 'expires_at', type: 'bigint' },
          { name: 'ip', type: 'varchar', length: '64', isNullable: true },
          { name: 'user_agent', type: 'varchar', length: '300', isNullable: true },
        ],
      }),
    );
    await runner.createIndices('sessions', [
      new TableIndex({ name: 'ix_sessions_user', columnNames: ['user_id'] }),
      new TableIndex({ name: 'ix_sessions_expires', columnNames: ['expires_at'] }),
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('sessions');
    await runner.dropTable('users');
  }
}
