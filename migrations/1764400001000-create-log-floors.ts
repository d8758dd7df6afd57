import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createLogFloors } from './logs/1764400000000-create-log-floors';

/** Numbers that were given to rows which retention has deleted; on SQLite that is for the log file. */
export class CreateLogFloorsOnPostgres1764400001000 implements MigrationInterface {
  name = 'CreateLogFloorsOnPostgres1764400001000';

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'postgres') await createLogFloors(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'postgres') await runner.dropTable('log_floors');
  }
}
