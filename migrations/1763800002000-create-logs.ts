import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** The operation log, the system's own log and the MCP messages. */
export class CreateLogs1763800002000 implements MigrationInterface {
  name = 'CreateLogs1763800002000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'operation_log',
        columns: [
          { name: 'seq', type: 'bigint', isPrimary: true, primaryKeyConstraintName: 'pk_operation_log' },
          { name: 'id', type: 'varchar', length: '36' },
          { name: 'at', type: 'bigint' },
          { name: 'actor_type', type: 'varchar', length: '16' },
          { name: 'actor_id', type: 'varchar', length: '36', isNullable: true },
          { name: 'actor_name', type: 'varchar', length: '200' },
          { name: 'action', type: 'varchar', length: '64' },
          { name: 'target_type', type: 'varchar', length: '32', isNullable: true },
          { name: 'target_id', type: 'varchar', length: '64', isNullable: true },
          { name: 'target_name', type: 'varchar', length: '200', isNullable: true },
          { name: 'outcome', type: 'varchar', length: '16' },
          { name: 'status', type: 'integer', isNullable: true },
          { name: 'ip', type: 'varchar', length: '64', isNullable: true },
          { name: 'request_id', type: 'varchar', length: '128', isNullable: true },
          { name: 'changes', type: 'text', isNullable: true },
          { name: 'prev_hash', type: 'varchar', length: '64' },
          { name: 'hash', type: 'varchar', length: '64' },
        ],
      }),
    );
    await runner.createIndices('operation_log', [
      new TableIndex({ name: 'ux_operation_log_id', columnNames: ['id'], isUnique: true }),
      new TableIndex({ name: 'ix_operation_log_at', columnNames: ['at'] }),
      new TableIndex({ name: 'ix_operation_log_action_seq', columnNames: ['action', 'seq'] }),
      new TableIndex({ name: 'ix_operation_log_target_seq', columnNames: ['target_id', 'seq'] }),
    ]);
    await runner.createTable(
      new Table({
        name: 'system_log',
        columns: [
          { name: 'seq', type: 'bigint', isPrimary: true, primaryKeyConstraintName: 'pk_system_log' },
          { name: 'id', type: 'varchar', length: '36' },
          { name: 'at', type: 'bigint' },
          { name: 'severity', type: 'integer' },
          { name: 'context', type: 'varchar', length: '100', isNullable: true },
          { name: 'message', type: 'text' },
          { name: 'request_id', type: 'varchar', length: '128', isNullable: true },
          { name: 'data', type: 'text', isNullable: true },
        ],
      }),
    );
    await runner.createIndices('system_log', [
      new TableIndex({ name: 'ux_system_log_id', columnNames: ['id'], isUnique: true }),
      new TableIndex({ name: 'ix_system_log_at', columnNames: ['at'] }),
      new TableIndex({ name: 'ix_system_log_severity_seq', columnNames: ['severity', 'seq'] }),
    ]);
    await runner.createTable(
      new Table({
        name: 'mcp_log',
        columns: [
          { name: 'seq', type: 'bigint', isPrimary: true, primaryKeyConstraintName: 'pk_mcp_log' },
          { name: 'id', type: 'varchar', length: '36' },
          { name: 'at', type: 'bigint' },
          { name: 'tool_id', type: 'varchar', length: '36' },
          { name: 'tool_name', type: 'varchar', length: '63' },
          { name: 'session_id', type: 'varchar', length: '64', isNullable: true },
          { name: 'client', type: 'varchar', length: '200', isNullable: true },
          { name: 'direction', type: 'varchar', length: '16' },
          { name: 'kind', type: 'varchar', length: '16' },
          { name: 'method', type: 'varchar', length: '128', isNullable: true },
          { name: 'target', type: 'text', isNullable: true },
          { name: 'rpc_id', type: 'varchar', length: '128', isNullable: true },
          { name: 'outcome', type: 'varchar', length: '16', isNullable: true },
          { name: 'duration_ms', type: 'double precision', isNullable: true },
          { name: 'size_bytes', type: 'bigint' },
          { name: 'truncated', type: 'boolean' },
          { name: 'payload', type: 'text', isNullable: true },
        ],
      }),
    );
    await runner.createIndices('mcp_log', [
      new TableIndex({ name: 'ux_mcp_log_id', columnNames: ['id'], isUnique: true }),
      new TableIndex({ name: 'ix_mcp_log_at', columnNames: ['at'] }),
      new TableIndex({ name: 'ix_mcp_log_tool_seq', columnNames: ['tool_id', 'seq'] }),
      new TableIndex({ name: 'ix_mcp_log_session_seq', columnNames: ['session_id', 'seq'] }),
    ]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('mcp_log');
    await runner.dropTable('system_log');
    await runner.dropTable('operation_log');
  }
}
