import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createRollups, dropRollups } from './logs/1764100000000-create-log-rollups';

/** PostgreSQL alone, where the logs are in the one database: SQLite's log file gets these tables by a migration of its own. */
export class CreateLogRollups1764100000000 implements MigrationInterface {
  name = 'CreateLogRollups1764100000000';

  async up(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'postgres') await createRollups(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    if (runner.dataSource.options.type === 'postgres') await dropRollups(runner);
  }
}
