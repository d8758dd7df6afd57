import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** What was measured, by the minute and by the hour. */
export class CreateMetricPoints1763800003000 implements MigrationInterface {
  name = 'CreateMetricPoints1763800003000';

  async up(runner: QueryRunner): Promise<void> {
    const primaryKeyConstraintName = 'pk_metric_points';
    await runner.createTable(
      new Table({
        name: 'metric_points',
        columns: [
          { name: 'series', type: 'varchar', length: '64', isPrimary: true, primaryKeyConstraintName },
          { name: 'step_seconds', type: 'integer', isPrimary: true, primaryKeyConstraintName },
          { name: 'at', type: 'bigint', isPrimary: true, primaryKeyConstraintName },
          { name: 'data', type: 'text' },
        ],
      }),
    );
    await runner.createIndex(
      'metric_points',
      new TableIndex({ name: 'ix_metric_points_step_at', columnNames: ['step_seconds', 'at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('metric_points');
  }
}
