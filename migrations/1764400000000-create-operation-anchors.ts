import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Where the operation log begins after retention, and where it ends: signed by the application, at its next start. */
export class CreateOperationAnchors1764400000000 implements MigrationInterface {
  name = 'CreateOperationAnchors1764400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'operation_anchors',
        columns: [
          {
            name: 'place',
            type: 'varchar',
            length: '8',
            isPrimary: true,
            primaryKeyConstraintName: 'pk_operation_anchors',
          },
          { name: 'seq', type: 'bigint' },
          { name: 'hash', type: 'varchar', length: '64' },
          { name: 'at', type: 'bigint' },
          { name: 'mac', type: 'varchar', length: '64' },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('operation_anchors');
  }
}
