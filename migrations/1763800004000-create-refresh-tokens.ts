import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** What logins are carried on with. */
export class CreateRefreshTokens1763800004000 implements MigrationInterface {
  name = 'CreateRefreshTokens1763800004000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'refresh_tokens',
        columns: [
          {
            name: 'hash',
            type: 'varchar',
            length: '64',
            isPrimary: true,
            primaryKeyConstraintName: 'pk_refresh_tokens',
          },
          { name: 'session_id', type: 'varchar', length: '36' },
          { name: 'generation', type: 'integer' },
          { name: 'used_at', type: 'bigint', isNullable: true },
        ],
      }),
    );
    await runner.createIndex(
      'refresh_tokens',
      new TableIndex({ name: 'ix_refresh_tokens_session_generation', columnNames: ['session_id', 'generation'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('refresh_tokens');
  }
}
