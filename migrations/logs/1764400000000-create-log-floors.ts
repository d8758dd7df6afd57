import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Numbers that were given to rows which retention has deleted, in the log file of SQLite. */
export class CreateLogFloors1764400000000 implements MigrationInterface {
  name = 'CreateLogFloors1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await createLogFloors(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('log_floors');
  }
}

export async function createLogFloors(runner: QueryRunner): Promise<void> {
  await runner.createTable(
    new Table({
      name: 'log_floors',
      columns: [
        { name: 'log', type: 'varchar', length: '16', isPrimary: true, primaryKeyConstraintName: 'pk_log_floors' },
        { name: 'seq', type: 'bigint' },
      ],
    }),
  );
}
