import { DataSource } from 'typeorm';
import { Operation } from '../audit/operation.entity';
import { OperationLog } from '../audit/operation-log';
import { OperationRepository } from '../audit/operation.repository';
import { ApiKey } from '../auth/api-key.entity';
import { RefreshToken } from '../auth/refresh-token.entity';
import { Session } from '../auth/session.entity';
import { User } from '../auth/user.entity';
import { SystemClock } from '../common/clock';
import type { Actor } from '../common/request-context';
import type { DatabaseTarget } from '../config/database-url';
import type { SecretKeys } from '../config/secret-keys';
import { createDataSource, logDataSourceOptions, type Schema } from '../database/data-source';
import { DatabaseInfo } from '../database/database-info';
import { migrate, readMigrationState, SchemaNewerError } from '../database/migration-runner';
import { currentKey, fits, recordOf } from '../database/secret-key-check';
import { SecretKeyRecord } from '../database/secret-key.entity';
import { changeKey } from '../database/secret-rotation';
import { Transactions, type Tx } from '../database/transactions';
import { Events } from '../events/events';
import { BackupRefusedError } from './backup.errors';
import type { ContentSummary } from './backup-header';
import type { BackupKeyRing } from './backup-keys';

/** Who had a right to be here when the restore began, by id. */
export interface Entitled {
  users: ReadonlySet<string>;
  sessions: ReadonlySet<string>;
  apiKeys: ReadonlySet<string>;
}

export interface StagingOrder {
  schema: Schema;
  ring: BackupKeyRing;
  backupId: string;
  /** Who asked for it, as the operation log of the restored data shows it. */
  actor: Actor;
  ip: string | null;
  /** Who is known in the live data; null where there is none to ask. */
  entitled: Entitled | null;
  /** The backup's own key is lost: takes the present one all the same; what the lost one sealed stays closed. */
  adopt: boolean;
}

export interface StagedFacts {
  migrationsApplied: string[];
  /** Key id that the data belonged to, where that was another one. */
  formerKeyId: string | null;
  /** Sessions that were open when the backup was made, and are no more. */
  sessionsEnded: number;
  /** Names of users and API keys that are in the backup and not in the live data: they can log in again. */
  revivedUsers: string[];
  revivedApiKeys: string[];
}

export interface Staged {
  facts: StagedFacts;
  content: ContentSummary;
}

/**
 * Makes a staged copy what the program needs: a schema that it knows, brought up to date, sealed with the present key,
 * without sessions and refresh tokens (none that is older than the restore may come back to life), and with the row of the
 * restore in its operation log, so that the row is there exactly if the restore is. @throws BackupRefusedError
 */
export async function prepareStaged(target: DatabaseTarget, order: StagingOrder): Promise<StagedFacts> {
  const dataSource = await createDataSource(target, order.schema).initialize();
  try {
    await refuseNewer(dataSource);
    const { applied } = await migrate(dataSource, unguarded(target));
    if (target.type === 'sqlite' && order.schema.logs !== undefined) await migrateLogs(target.file, order.schema);
    const transactions = new Transactions(dataSource);
    return await transactions.run((tx) => new Preparation(dataSource, order, transactions, tx).run(applied));
  } finally {
    await dataSource.destroy();
  }
}

/** Makes the tables of an empty database as they were when a backup was made. @throws BackupRefusedError */
export async function migrateTo(target: DatabaseTarget, schema: Schema, names: readonly string[]): Promise<void> {
  const migrations = schema.migrations.filter(({ name }) => names.includes(name));
  if (migrations.length < names.length) {
    const known = schema.migrations.map(({ name }) => name);
    throw new BackupRefusedError('backup_schema_newer', names.filter((name) => !known.includes(name)).join(', '));
  }
  const dataSource = await createDataSource(target, { entities: [], migrations }).initialize();
  try {
    await migrate(dataSource, unguarded(target));
  } finally {
    await dataSource.destroy();
  }
}

/** Who can log in as things stand. */
export async function readEntitled(dataSource: DataSource): Promise<Entitled> {
  const ids = async (entity: typeof User | typeof Session | typeof ApiKey) => {
    const rows = await dataSource.manager.find<User | Session | ApiKey>(entity, { select: { id: true } });
    return new Set(rows.map(({ id }) => id));
  };
  return { users: await ids(User), sessions: await ids(Session), apiKeys: await ids(ApiKey) };
}

class Preparation {
  constructor(
    private readonly dataSource: DataSource,
    private readonly order: StagingOrder,
    private readonly transactions: Transactions,
    private readonly tx: Tx,
  ) {}

  async run(migrationsApplied: string[]): Promise<StagedFacts> {
    const formerKeyId = await this.takeKey();
    const sessionsEnded = await this.endSessions();
    const { entitled } = this.order;
    const revivedUsers =
      entitled === null ? [] : await this.unknownTo(User, entitled.users, ({ username }) => username);
    const revivedApiKeys = entitled === null ? [] : await this.unknownTo(ApiKey, entitled.apiKeys, ({ name }) => name);
    const facts = { migrationsApplied, formerKeyId, sessionsEnded, revivedUsers, revivedApiKeys };
    await this.tell(facts);
    return facts;
  }

  private async takeKey(): Promise<string | null> {
    const { ring, adopt, schema } = this.order;
    const { current: to } = ring;
    const record = await currentKey(this.tx);
    if (record === null || fits(record, to)) return null;
    const from = ring.find(record.keyId);
    const firstOperation = (await this.operations().lastSeq()) + 1;
    if (from !== null && fits(record, from)) {
      const change = { from, to, current: record, firstOperation };
      await changeKey(this.tx, this.dataSource, schema.sealed ?? [], change);
    } else if (adopt) {
      await this.tx.insert(SecretKeyRecord, recordOf(to, record, firstOperation));
    } else {
      throw new BackupRefusedError('backup_wrong_key', `its data is sealed with ${record.keyId}, here is ${to.keyId}`);
    }
    return record.keyId;
  }

  private async endSessions(): Promise<number> {
    const count = await this.tx.count(Session);
    await this.tx.createQueryBuilder().delete().from(RefreshToken).execute();
    await this.tx.createQueryBuilder().delete().from(Session).execute();
    return count;
  }

  private async unknownTo<R extends User | ApiKey>(
    entity: new () => R,
    known: ReadonlySet<string>,
    nameOf: (row: R) => string,
  ): Promise<string[]> {
    const rows: R[] = await this.tx.find<R>(entity);
    return rows.filter(({ id }) => !known.has(id)).map(nameOf);
  }

  private async tell(facts: StagedFacts): Promise<void> {
    const { ring, actor, ip, backupId } = this.order;
    const keys: SecretKeys = ring.current;
    const log = new OperationLog(this.operations(), this.transactions, keys, new SystemClock(), new Events());
    const target = { type: 'backup', id: backupId, name: null };
    const entry = { action: 'backup.restore', outcome: 'success' as const, target, actor, changes: { ...facts } };
    // A log of before its end was signed has it signed here: the program has started already, and does that at a start.
    const signsAnew = facts.migrationsApplied.length > 0;
    await log.append(ip === null ? entry : { ...entry, ip }, this.tx, signsAnew);
  }

  private operations(): OperationRepository {
    return new OperationRepository(this.tx.getRepository(Operation), new DatabaseInfo(this.dataSource));
  }
}

async function refuseNewer(dataSource: DataSource): Promise<void> {
  try {
    const { applied } = await readMigrationState(dataSource);
    if (applied === 0) throw new BackupRefusedError('backup_content_invalid', 'it has no tables of MCPS.ONE');
  } catch (error) {
    if (!(error instanceof SchemaNewerError)) throw error;
    throw new BackupRefusedError('backup_schema_newer', error.unknownMigrations.join(', '), error);
  }
}

async function migrateLogs(mainFile: string, schema: Schema): Promise<void> {
  const logs = await new DataSource(logDataSourceOptions(mainFile, schema)).initialize();
  try {
    await refuseNewer(logs);
    await migrate(logs, { type: 'sqlite', file: mainFile, temporary: true });
  } finally {
    await logs.destroy();
  }
}

/** A copy is not copied aside before it is migrated: it is one itself. */
function unguarded(target: DatabaseTarget): DatabaseTarget {
  return target.type === 'sqlite' ? { ...target, temporary: true } : target;
}
