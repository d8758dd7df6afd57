import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type DynamicModule, Global, Inject, Logger, Module, type Provider } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { ShutdownCoordinator } from '../availability/shutdown-coordinator';
import { AppConfig } from '../config/app-config';
import type { DatabaseTarget } from '../config/database-url';
import { SecretKeys } from '../config/secret-keys';
import {
  createDataSource,
  DATABASE_SCHEMA,
  logDataSourceOptions,
  prepareSqliteFile,
  proveWritable,
  type Schema,
} from './data-source';
import { InstanceLock } from './instance-lock';
import { hasMigrations, logDatabaseFile, LogStorage } from './log-database';
import { MigrationsPendingError, readMigrationState } from './migration-runner';
import { explainOpening } from './open-errors';
import { DatabaseInfo } from './database-info';
import { DatabaseIntegrity } from './database-integrity';
import { DatabaseIndicator } from './database.indicator';
import { DatabaseWatch } from './database-watch';
import { DatabaseWriters } from './database-writers';
import { PostgresLock } from './postgres-lock';
import { PostgresReader } from './postgres-reader';
import { Reader } from './reader';
import { SqliteReader } from './sqlite-reader';
import { markSecretKey, refuseWrongKey } from './secret-key-check';
import { Transactions } from './transactions';
import { migrateUnlimited } from './unlimited-migration';
import { WriteGate } from './write-gate';

/** The locks of this process, taken before the data is touched. */
export class HeldLocks {
  constructor(
    readonly locks: { release(): void | Promise<void> }[],
    readonly temporaryFolder: string | null,
  ) {}

  /** Keeps them while another database takes the place of this one, which bears `token` until then. */
  async moveWith(token: string, work: () => Promise<void>): Promise<void> {
    const lock = this.locks.find((each) => each instanceof PostgresLock);
    await (lock === undefined ? work() : lock.moveWith(token, work));
  }
}

/** What has to be mended before the database is opened, with the data folder already ours. */
export type BeforeOpening = (config: AppConfig) => Promise<void>;

const TARGET = Symbol('DatabaseTarget');

/**
 * Owns: the connection, the instance lock, migrations at start, transactions, the differences between the databases.
 * Does not own: queries, they are in the repositories.
 */
@Global()
@Module({})
export class DatabaseModule {
  /** The module around the tables of the whole application. */
  static with(schema: Schema, beforeOpening: BeforeOpening = () => Promise.resolve()): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [TerminusModule],
      providers: providersFor(schema, beforeOpening),
      exports: [
        DataSource,
        Transactions,
        DatabaseInfo,
        DatabaseWriters,
        DatabaseWatch,
        DatabaseIntegrity,
        DatabaseIndicator,
        LogStorage,
        Reader,
        HeldLocks,
        DATABASE_SCHEMA,
      ],
    };
  }

  constructor(
    private readonly dataSource: DataSource,
    private readonly writers: DatabaseWriters,
    private readonly reader: Reader,
    @Inject(HeldLocks) private readonly held: HeldLocks,
    shutdown: ShutdownCoordinator,
  ) {
    shutdown.register({ name: 'what is still to be written', phase: 'flush', run: () => this.writers.flushAll() });
    shutdown.register({ name: 'the database', phase: 'close', run: () => this.close() });
  }

  /** Last of all: the connection closes, then the locks open. */
  private async close(): Promise<void> {
    await this.reader.close();
    if (this.dataSource.isInitialized) await this.dataSource.destroy();
    for (const lock of this.held.locks) await lock.release();
    if (this.held.temporaryFolder !== null) rmSync(this.held.temporaryFolder, { recursive: true, force: true });
  }
}

function providersFor(schema: Schema, beforeOpening: BeforeOpening): Provider[] {
  return [
    { provide: DATABASE_SCHEMA, useValue: schema },
    {
      provide: HeldLocks,
      inject: [AppConfig],
      useFactory: (config: AppConfig) => takeLocks(config, beforeOpening),
    },
    {
      provide: TARGET,
      inject: [AppConfig, HeldLocks],
      useFactory: (config: AppConfig, held: HeldLocks): DatabaseTarget =>
        config.database.type === 'sqlite' && held.temporaryFolder !== null
          ? { ...config.database, file: join(held.temporaryFolder, 'mcps.db') }
          : config.database,
    },
    {
      provide: DataSource,
      inject: [AppConfig, TARGET, HeldLocks, SecretKeys, WriteGate],
      useFactory: async (
        config: AppConfig,
        target: DatabaseTarget,
        held: HeldLocks,
        keys: SecretKeys,
        gate: WriteGate,
      ) => {
        try {
          return await openDatabase(config, target, schema, { keys, gate });
        } catch (error) {
          for (const lock of held.locks) await lock.release();
          throw explainOpening(error, target);
        }
      },
    },
    {
      provide: LogStorage,
      // After the migrations, which make the log file.
      inject: [AppConfig, TARGET, HeldLocks, DataSource],
      useFactory: (config: AppConfig, target: DatabaseTarget, held: HeldLocks) =>
        logStorage(config, target, held.temporaryFolder),
    },
    {
      provide: Reader,
      inject: [LogStorage, DataSource],
      useFactory: ({ target }: LogStorage, dataSource: DataSource): Reader =>
        target.type === 'sqlite'
          ? new SqliteReader({ mainFile: target.mainFile, logFile: target.file })
          : new PostgresReader(dataSource),
    },
    Transactions,
    DatabaseInfo,
    DatabaseWriters,
    DatabaseWatch,
    DatabaseIntegrity,
    DatabaseIndicator,
    WriteGate,
  ];
}

function logStorage(config: AppConfig, target: DatabaseTarget, temporaryFolder: string | null): LogStorage {
  // What a database that is thrown away has left must not come into another one.
  const spoolFolder = join(temporaryFolder ?? config.dataDir, 'spool');
  return target.type === 'sqlite'
    ? new LogStorage(
        { type: 'sqlite', file: logDatabaseFile(target.file), mainFile: target.file },
        spoolFolder,
        config.logSpoolMaxBytes,
      )
    : new LogStorage(target, spoolFolder, config.logSpoolMaxBytes);
}

/** The instance lock and that of the database. @throws DataLockedError */
export async function takeLocks(
  config: AppConfig,
  beforeOpening: BeforeOpening = () => Promise.resolve(),
): Promise<HeldLocks> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const locks: HeldLocks['locks'] = [InstanceLock.take(join(config.dataDir, 'instance'))];
  const { database } = config;
  try {
    if (database.type === 'postgres') {
      // Before its lock: a restore that was killed may have left the database where nobody can connect to it.
      await beforeOpening(config);
      locks.push(await takePostgresLock(database.url));
    }
  } catch (error) {
    for (const lock of locks) await lock.release();
    throw explainOpening(error, database);
  }
  if (database.type === 'postgres') return new HeldLocks(locks, null);
  if (database.temporary) {
    // A real file, not `:memory:`: worker threads with a connection of their own must see the same data.
    const folder = mkdtempSync(join(tmpdir(), 'mcps-'));
    chmodSync(folder, 0o700);
    return new HeldLocks(locks, folder);
  }
  mkdirSync(dirname(database.file), { recursive: true, mode: 0o700 });
  try {
    // By its true name: through a link it is the same data.
    const file = existsSync(database.file) ? realpathSync(database.file) : database.file;
    locks.push(InstanceLock.take(file));
    await beforeOpening(config);
  } catch (error) {
    for (const lock of locks) await lock.release();
    throw error;
  }
  return new HeldLocks(locks, null);
}

function takePostgresLock(url: string): Promise<PostgresLock> {
  const logger = new Logger('Database');
  return PostgresLock.take(url, {
    onLost: (reason) => logger.error('The lock on the database is lost; it will be taken again', { reason }),
    onTaken: (holder) =>
      logger.fatal('Another MCPS.ONE has taken the database while it was away: stop one of them', { pid: holder }),
    onRegained: () => logger.log('The lock on the database is held again'),
  });
}

async function openDatabase(
  config: AppConfig,
  target: DatabaseTarget,
  schema: Schema,
  { keys, gate }: { keys: SecretKeys; gate: WriteGate },
): Promise<DataSource> {
  const logger = new Logger('Database');
  if (target.type === 'sqlite') {
    prepareSqliteFile(target.file);
    prepareSqliteFile(logDatabaseFile(target.file));
  }
  const dataSource = await createDataSource(target, schema, { logQueries: config.debug, gate }).initialize();
  try {
    await refuseWrongKey(dataSource, keys);
    await bringUpToDate(config, dataSource, target, { schema, logger });
    if (target.type === 'sqlite') await openLogFile(config, target, schema, logger);
    await markSecretKey(dataSource, keys, schema.sealed ?? []);
    if (target.type === 'sqlite') await proveWritable(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** The log file beside a SQLite database: for its migrations alone, reading and writing are for threads. */
async function openLogFile(
  config: AppConfig,
  target: DatabaseTarget & { type: 'sqlite' },
  schema: Schema,
  logger: Logger,
): Promise<void> {
  const file = logDatabaseFile(target.file);
  const known = schema.logs?.migrations.map(({ name }) => name) ?? [];
  if (hasMigrations(file, known)) return;
  const logs = await new DataSource(logDataSourceOptions(target.file, schema)).initialize();
  try {
    await bringUpToDate(config, logs, { ...target, file }, { schema, logger });
  } finally {
    await logs.destroy();
  }
}

async function bringUpToDate(
  config: AppConfig,
  dataSource: DataSource,
  target: DatabaseTarget,
  { schema, logger }: { schema: Schema; logger: Logger },
): Promise<void> {
  if (!config.migrateOnStart) {
    const { pending } = await readMigrationState(dataSource);
    if (pending.length > 0) throw new MigrationsPendingError(pending);
    return;
  }
  const { applied, copy } = await migrateUnlimited(dataSource, target, schema);
  if (copy !== null) logger.log('The database was copied aside before its migration', { copy });
  if (applied.length > 0) logger.log('Database migrations applied', { migrations: applied });
}
