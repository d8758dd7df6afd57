import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';

const WIDE = new TableIndex({
  name: 'ix_operation_log_at_seq',
  columnNames: ['at', 'seq', 'action', 'outcome'],
});

/** One index that alone answers which rows are in a time range, and what happened in it. */
export class IndexOperationsByTime1764100001000 implements MigrationInterface {
  name = 'IndexOperationsByTime1764100001000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createIndex('operation_log', WIDE);
    await runner.dropIndex('operation_log', 'ix_operation_log_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.createIndex('operation_log', new TableIndex({ name: 'ix_operation_log_at', columnNames: ['at'] }));
    await runner.dropIndex('operation_log', 'ix_operation_log_at_seq');
  }
}
