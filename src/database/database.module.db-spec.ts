import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Logger } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { describeOn } from '../../test/support/describe-on';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database';
import { SCHEMA } from '../app.schema';
import { AvailabilityModule } from '../availability/availability.module';
import { AppLogger } from '../common/app-logger';
import { CommonModule } from '../common/common.module';
import { ConfigModule } from '../config/config.module';
import { loadConfig } from '../config/load-config';
import { DatabaseInfo } from './database-info';
import { DatabaseWriters } from './database-writers';
import { DatabaseModule } from './database.module';
import { DataLockedError } from './instance-lock';
import { MigrationsPendingError } from './migration-runner';

describe('the database module', () => {
  let database: TestDatabase;
  let dataDir: string;
  const started: TestingModule[] = [];

  async function start(environment: Record<string, string> = {}): Promise<TestingModule> {
    const config = loadConfig({ DATABASE_URL: database.url, DATA_DIR: dataDir, ...environment });
    const module = await Test.createTestingModule({
      imports: [
        ConfigModule.with(config),
        CommonModule.with(new AppLogger('fatal')),
        AvailabilityModule,
        DatabaseModule.with(SCHEMA),
      ],
    }).compile();
    started.push(module);
    return module;
  }

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(async () => {
    database = await createTestDatabase();
    dataDir = join(temporaryFolder(), 'data');
  });

  afterEach(async () => {
    for (const module of started.splice(0)) await module.close();
    await database.drop();
    removeTemporaryFolders();
  });

  it('opens a new database with all its tables', async () => {
    const module = await start();
    expect(module.get(DatabaseInfo).type).toBe(database.type);
    expect(await module.get(DataSource).query('SELECT id FROM tools')).toEqual([]);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });

  it('refuses to start over pending migrations when it is not to apply them', async () => {
    const failure = start({ MIGRATE_ON_START: 'false' });
    await expect(failure).rejects.toThrow(MigrationsPendingError);
    await expect(failure).rejects.toMatchObject({ pending: SCHEMA.migrations.map(({ name }) => name) });
    await expect(failure).rejects.toThrow(/are pending: run `npm run migration:run`, or set MIGRATE_ON_START=true$/);
  });

  it('starts without migrating when there is nothing to migrate', async () => {
    await (await start()).close();
    const module = await start({ MIGRATE_ON_START: 'false' });
    expect(await module.get(DataSource).query('SELECT id FROM tools')).toEqual([]);
  });

  it('lets nobody else in while it works, and the next one in when it has closed', async () => {
    const first = await start();
    await expect(start()).rejects.toThrow(DataLockedError);
    expect(await first.get(DataSource).query('SELECT id FROM tools')).toEqual([]);
    await first.close();
    await start();
  });

  it('closes after those who still have something to write', async () => {
    const module = await start();
    const dataSource = module.get(DataSource);
    const wasOpen: boolean[] = [];
    module.get(DatabaseWriters).register(() => Promise.reject(new Error('one of them fails')));
    module.get(DatabaseWriters).register(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      wasOpen.push(dataSource.isInitialized);
    });
    await module.close();
    expect(wasOpen).toEqual([true]);
    expect(dataSource.isInitialized).toBe(false);
  });

  it('tells when the database is away', async () => {
    const module = await start();
    await expect(module.get(DatabaseInfo).ping()).resolves.toBeUndefined();
    await module.get(DataSource).destroy();
    await expect(module.get(DatabaseInfo).ping()).rejects.toThrow();
  });

  describeOn('sqlite', 'on SQLite', () => {
    it('keeps the database file to its owner', async () => {
      const file = join(dataDir, 'sub', 'mcps.db');
      await start({ DATABASE_URL: `sqlite:///${file}` });
      expect([statSync(dirname(file)).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600]);
      expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600);
    });

    it('lets nobody else at the same database file from another data folder', async () => {
      await start();
      await expect(start({ DATA_DIR: join(dataDir, 'other') })).rejects.toThrow(DataLockedError);
      // What that one had locked already is free again.
      const module = await start({ DATA_DIR: join(dataDir, 'other'), DATABASE_URL: 'sqlite::memory:' });
      await module.close();
    });

    it('removes a temporary database when it closes', async () => {
      const module = await start({ DATABASE_URL: 'sqlite::memory:' });
      const file = String(module.get(DataSource).options.database);
      expect(statSync(file).isFile()).toBe(true);
      expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
      await module.close();
      expect(existsSync(dirname(file))).toBe(false);
    });
  });
});
