import { SystemClock } from '../../src/common/clock';
import { SecretKeys } from '../../src/config/secret-keys';
import { Operation } from '../../src/audit/operation.entity';
import { OperationLog } from '../../src/audit/operation-log';
import { OperationRepository } from '../../src/audit/operation.repository';
import { DatabaseInfo } from '../../src/database/database-info';
import { Events } from '../../src/events/events';
import type { MigratedDatabase } from './migrated-database';

/** An operation log over a database of tests, for what writes to it. */
export function anOperationLog({ dataSource, transactions }: MigratedDatabase): OperationLog {
  const repository = new OperationRepository(dataSource.getRepository(Operation), new DatabaseInfo(dataSource));
  return new OperationLog(
    repository,
    transactions,
    new SecretKeys('master key of this test'),
    new SystemClock(),
    new Events(),
  );
}
