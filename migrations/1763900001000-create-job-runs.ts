import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** When each scheduled job ran last, and how that ended. */
export class CreateJobRuns1763900001000 implements MigrationInterface {
  name = 'CreateJobRuns1763900001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'job_runs',
        columns: [
          { name: 'name', type: 'varchar', length: '64', isPrimary: true, primaryKeyConstraintName: 'pk_job_runs' },
          { name: 'started_at', type: 'bigint' },
          { name: 'ended_at', type: 'bigint' },
          { name: 'outcome', type: 'varchar', length: '16' },
          { name: 'error', type: 'text', isNullable: true },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('job_runs');
  }
}
