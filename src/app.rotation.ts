import { OperationLog } from './audit/operation-log';
import { type ChainVerdict, verifyChain } from './audit/operation-chain';
import { OperationRepository } from './audit/operation.repository';
import { Operation } from './audit/operation.entity';
import { SCHEMA } from './app.schema';
import { SystemClock } from './common/clock';
import { messageOf } from './common/domain-error';
import { keepFormerKey } from './backup/backup-keys';
import type { AppConfig } from './config/app-config';
import { newKey, SecretKeyFile } from './config/secret-key-file';
import { SecretKeys } from './config/secret-keys';
import { readChainKeys } from './database/chain-keys';
import { createDataSource } from './database/data-source';
import { DatabaseInfo } from './database/database-info';
import { takeLocks } from './database/database.module';
import { MigrationsPendingError, readMigrationState } from './database/migration-runner';
import { currentKey, fits, recordOf, WrongSecretKeyError } from './database/secret-key-check';
import { SecretKeyRecord } from './database/secret-key.entity';
import { changeKey } from './database/secret-rotation';
import { Transactions, type Tx } from './database/transactions';
import { Events } from './events/events';

export interface RotationOptions {
  dryRun: boolean;
  /** Takes the new key although the former one is lost. */
  adopt: boolean;
}

export interface RotationReport {
  outcome: 'rotated' | 'adopted' | 'dry-run' | 'already-done' | 'finished';
  fromKeyId: string;
  toKeyId: string;
  /** Values sealed anew. */
  values: number;
  /** The operation log as it is after the change, with the keys that it needs. */
  chain: ChainVerdict;
  /** Files that the key is in now, where it is a generated one. */
  files: { key: string; former: string } | null;
}

/** What the operator has to mend before keys can be changed. */
export class RotationRefusedError extends Error {}

/** The data has the new key already, its file is not in its place yet. */
export class KeyFileUnfinishedError extends Error {
  constructor(file: SecretKeyFile, cause: unknown) {
    super(
      `The data is sealed with the new key, which is in ${file.nextPath} as yet: ${messageOf(cause)}. ` +
        'Run this command again to finish.',
      { cause },
    );
  }
}

/** Thrown to take back all that a dry run has done. */
class DryRunDone extends Error {
  constructor(readonly report: RotationReport) {
    super('dry run');
  }
}

interface KeyPair {
  /** Null: lost. */
  from: SecretKeys | null;
  /** The former key itself, which older backups need. */
  formerMaster: string | null;
  to: SecretKeys;
  /** Set where the keys are generated ones. */
  file: SecretKeyFile | null;
}

/**
 * Changes the SECRET_KEY of the configured database, while nothing else works on it. All or nothing: one transaction seals
 * every value anew, reads each back, and writes the first row of the operation log that the new key signs.
 *
 * A generated key changes in this order: the new one is on the disk (`secret-key.new`); the transaction commits; the files
 * change places. After a crash in between, one of the two files has the key that the database belongs to, and the next run
 * finishes what was begun.
 *
 * @throws RotationRefusedError, WrongSecretKeyError, ValuesUnreadableError, DataLockedError, MigrationsPendingError, SchemaNewerError
 */
export async function rotateSecrets(config: AppConfig, options: RotationOptions): Promise<RotationReport> {
  if (config.database.type === 'sqlite' && config.database.temporary) {
    throw new RotationRefusedError('The configured database is a temporary one: there is nothing to change');
  }
  const held = await takeLocks(config);
  const dataSource = createDataSource(config.database, SCHEMA);
  try {
    await dataSource.initialize();
    const { pending } = await readMigrationState(dataSource);
    if (pending.length > 0) throw new MigrationsPendingError(pending);
    return await new Rotation(config, options, dataSource).run();
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    for (const lock of held.locks) await lock.release();
  }
}

class Rotation {
  private readonly transactions: Transactions;

  constructor(
    private readonly config: AppConfig,
    private readonly options: RotationOptions,
    private readonly dataSource: ReturnType<typeof createDataSource>,
  ) {
    this.transactions = new Transactions(dataSource);
  }

  async run(): Promise<RotationReport> {
    const record = await currentKey(this.dataSource.manager);
    const done = record === null ? null : await this.finish(record);
    if (done !== null) return done;
    const keys = this.options.adopt ? this.adoptedKeys() : this.keyPair();
    try {
      // Before the change: a key that is kept in vain does no harm, one that is lost loses backups.
      if (keys.formerMaster !== null && !this.options.dryRun) {
        await keepFormerKey(this.config.backupDir, keys.formerMaster, keys.to);
      }
      const report = await this.transactions.run((tx) => this.change(tx, keys));
      if (keys.file !== null) promote(keys.file);
      return report;
    } catch (error) {
      // The prepared key file stays: of a connection that broke nobody knows whether it has committed. The next run does.
      if (error instanceof DryRunDone) return error.report;
      throw error;
    }
  }

  /** What an earlier run has committed is not done twice; files that a crash left as they were change places now. */
  private async finish(record: SecretKeyRecord): Promise<RotationReport | null> {
    const { config } = this;
    if (config.secretKey !== null) {
      const to = new SecretKeys(config.secretKey);
      return fits(record, to) ? this.report('already-done', { to, values: 0 }) : null;
    }
    const file = new SecretKeyFile(config.dataDir);
    const next = file.findNext();
    const to = next === null ? null : new SecretKeys(next, file.path);
    if (to === null || !fits(record, to)) return null;
    if (!this.options.dryRun) promote(file);
    return this.report('finished', { to, values: 0, file });
  }

  private keyPair(): KeyPair {
    const { secretKey, formerSecretKey, dataDir } = this.config;
    const file = new SecretKeyFile(dataDir);
    if (secretKey === null) {
      if (formerSecretKey !== null) {
        throw new RotationRefusedError('SECRET_KEY_OLD is set but SECRET_KEY is not: set SECRET_KEY to the new key');
      }
      const former = file.find();
      if (former === null) throw new RotationRefusedError(`There is no key yet: neither SECRET_KEY nor ${file.path}`);
      const from = new SecretKeys(former, file.path);
      // A dry run needs a key, but none that stays.
      const formerMaster = former;
      if (this.options.dryRun) return { from, formerMaster, to: new SecretKeys(newKey(), file.path), file: null };
      return { from, formerMaster, to: new SecretKeys(file.prepareNext(), file.path), file };
    }
    const former = formerSecretKey ?? file.find();
    if (former === null) {
      throw new RotationRefusedError(
        'SECRET_KEY_OLD is missing: set it to the key until now, and SECRET_KEY to the new one',
      );
    }
    if (former === secretKey) throw new RotationRefusedError('SECRET_KEY and the former key are the same');
    const origin = formerSecretKey === null ? file.path : 'SECRET_KEY_OLD';
    return { from: new SecretKeys(former, origin), formerMaster: former, to: new SecretKeys(secretKey), file: null };
  }

  private adoptedKeys(): KeyPair {
    return { from: null, formerMaster: null, to: SecretKeys.load(this.config), file: null };
  }

  private async change(tx: Tx, keys: KeyPair): Promise<RotationReport> {
    const { dataSource } = this;
    const { from, to } = keys;
    const current = await currentKey(tx);
    if (current === null)
      throw new RotationRefusedError('The database has not been started with any key yet: start it once');
    if (from !== null && !fits(current, from)) throw new WrongSecretKeyError(current.keyId, from);
    if (from === null && fits(current, to)) {
      throw new RotationRefusedError('The database belongs to this key already: there is nothing to adopt');
    }
    const operations = new OperationRepository(tx.getRepository(Operation), new DatabaseInfo(dataSource));
    const firstOperation = (await operations.lastSeq()) + 1;
    let values = 0;
    if (from === null) await tx.insert(SecretKeyRecord, recordOf(to, current, firstOperation));
    else values = await changeKey(tx, dataSource, SCHEMA.sealed ?? [], { from, to, current, firstOperation });
    const log = new OperationLog(operations, this.transactions, to, new SystemClock(), new Events());
    const changes = { fromKeyId: current.keyId, toKeyId: to.keyId, values };
    await log.append({ action: from === null ? 'secrets.adopt' : 'secrets.rotate', outcome: 'success', changes }, tx);
    const outcome = from === null ? 'adopted' : 'rotated';
    const report = await this.report(this.options.dryRun ? 'dry-run' : outcome, { ...keys, values, current, tx });
    if (this.options.dryRun) throw new DryRunDone(report);
    return report;
  }

  private async report(
    outcome: RotationReport['outcome'],
    facts: {
      to: SecretKeys;
      values: number;
      file?: SecretKeyFile | null;
      current?: SecretKeyRecord;
      tx?: Tx;
    },
  ): Promise<RotationReport> {
    const { to, values, file, current, tx = this.dataSource.manager } = facts;
    const operations = new OperationRepository(tx.getRepository(Operation), new DatabaseInfo(this.dataSource));
    const chainKeys = await readChainKeys(tx, to);
    return {
      outcome,
      fromKeyId: current?.keyId ?? to.keyId,
      toKeyId: to.keyId,
      values,
      chain: await verifyChain({
        ...chainKeys,
        page: (after, limit) => operations.after(after, limit),
        anchors: await operations.anchors(tx),
      }),
      files: file ? { key: file.path, former: file.formerPath } : null,
    };
  }
}

/** @throws KeyFileUnfinishedError */
function promote(file: SecretKeyFile): void {
  try {
    file.promoteNext();
  } catch (error) {
    throw new KeyFileUnfinishedError(file, error);
  }
}
