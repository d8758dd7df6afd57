import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JumpingClock } from '../../test/support/jumping-clock';
import { logStoreOf } from '../../test/support/log-stores';
import { toEntry } from '../../test/support/log-stores';
import { createMigratedDatabase, type MigratedDatabase, readerOf } from '../../test/support/migrated-database';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { isSound } from '../audit/operation-chain';
import { OperationAnchor } from '../audit/operation-anchor.entity';
import { Operation } from '../audit/operation.entity';
import { OperationLog } from '../audit/operation-log';
import { OperationPruner } from '../audit/operation-pruner';
import { OperationRepository } from '../audit/operation.repository';
import { OperationVerifier } from '../audit/operation-verifier';
import { newId } from '../common/ids';
import type { AppConfig } from '../config/app-config';
import { SecretKeys } from '../config/secret-keys';
import { DatabaseInfo } from '../database/database-info';
import { Events } from '../events/events';
import { DatabaseWriters } from '../database/database-writers';
import type { Reader } from '../database/reader';
import type { Settings } from '../settings/settings';
import { LogAgesRepository } from './log-ages.repository';
import { LogPruner } from './log-pruner';
import type { LogStore } from './log-store';
import { LogWriter } from './log-writer';
import { CleanupRunningError, ClockInDoubtError } from './logs.errors';
import { nothing, Retention } from './retention.service';
import { Spool } from './spool';
import { WriterProgram } from './writer-program';

const DAY_MS = 86_400_000;
const KEYS = new SecretKeys('master key of this test');
const NEVER = new AbortController().signal;

describe('the retention of the logs', () => {
  let db: MigratedDatabase;
  let reader: Reader;
  let store: LogStore;
  let writers: DatabaseWriters;
  let clock: JumpingClock;
  let operations: OperationLog;
  let verifier: OperationVerifier;
  let retention: Retention;
  let logDir: string;
  let values: Record<string, number>;
  let changed: Map<string, () => void>;

  const count = async (table: string) =>
    Number((await reader.query({ sql: `SELECT count(*) AS n FROM ${table}`, values: [] }))[0]?.['n']);
  const counts = async () => [await count('system_log'), await count('operation_log'), await count('mcp_log')];
  const cleanups = async () => {
    const rows = await db.dataSource.manager.find(Operation, {
      where: { action: 'logs.cleanup' },
      order: { seq: 'ASC' },
    });
    return rows.map(({ outcome, changes }) => ({ outcome, ...(JSON.parse(changes ?? '{}') as object) }));
  };
  const message = (at: number) =>
    toEntry('mcp', {
      ...{ id: newId(), at, toolId: 't', toolName: 't', direction: 'to-server', kind: 'request' },
      ...{ sizeBytes: 1, truncated: false, payload: '{}' },
    });
  const line = (at: number) => toEntry('system', { id: newId(), at, severity: 1, message: 'text' });
  /** Ten of each log on each of the last `days`, the newest of now. */
  const fill = async (days: number) => {
    const now = clock.wall;
    for (let day = days - 1; day >= 0; day--) {
      clock.wall = now - day * DAY_MS;
      const at = clock.wall;
      await store.write(Array.from({ length: 10 }, () => [message(at), line(at)]).flat());
      for (let n = 0; n < 10; n++) await operations.append({ action: 'tool.start', outcome: 'success' });
    }
  };

  beforeEach(async () => {
    db = await createMigratedDatabase();
    const { dataSource, transactions } = db;
    reader = readerOf(db);
    store = logStoreOf(db);
    writers = new DatabaseWriters();
    clock = new JumpingClock();
    const repository = new OperationRepository(dataSource.getRepository(Operation), new DatabaseInfo(dataSource));
    operations = new OperationLog(repository, transactions, KEYS, clock, new Events());
    verifier = new OperationVerifier(repository, transactions, KEYS);
    values = {
      ...{ 'logs.systemRetentionDays': 5, 'logs.operationsRetentionDays': 8, 'logs.mcpRetentionDays': 3 },
      'logs.maxSizeBytes': 0,
    };
    changed = new Map();
    const settings = {
      get: (key: string) => values[key],
      onChange: ([key]: string[], listener: () => void) => changed.set(key ?? '', listener),
    };
    const writer = new LogWriter(({ onMessage }) => {
      const spool = new Spool(temporaryFolder(), { maxBytes: 2 ** 20, segmentBytes: 2 ** 20 });
      const program = new WriterProgram({ store, spool, say: onMessage, now: () => clock.now() });
      return { post: (request) => program.handle(request), hold: () => undefined, end: () => Promise.resolve() };
    }, writers);
    logDir = temporaryFolder();
    retention = new Retention(
      new LogAgesRepository(reader),
      new LogPruner(writer),
      new OperationPruner(repository, transactions, KEYS, clock),
      operations,
      settings as unknown as Settings,
      clock,
      { logDir } as AppConfig,
    );
    retention.onModuleInit();
  });

  afterEach(async () => {
    await writers.flushAll();
    await reader.close();
    await db.drop();
    removeTemporaryFolders();
  });

  it('deletes what is past its days from each log, says so in an operation, and leaves a chain that verifies', async () => {
    await fill(10);
    for (const log of ['system', 'operations', 'mcp']) changed.get(`logs.${log}RetentionDays`)?.();
    await retention.deleteExpired(clock.now(), NEVER);
    // The days count from now: what is of exactly then stays. One operation more: that of the cleanup.
    expect(await counts()).toEqual([60, 91, 40]);
    expect(await cleanups()).toEqual([
      { outcome: 'success', by: 'age', deleted: { system: 40, operations: 10, mcp: 60 }, files: 0 },
    ]);
    expect(await verifier.verify()).toMatchObject({ checked: 91, firstBroken: null, missingAtEnd: 0 });
    await retention.deleteExpired(clock.now(), NEVER);
    expect(await cleanups()).toHaveLength(1);
  });

  it('removes the files of what tools said long ago, and none that is still written to or is no log', async () => {
    const folder = join(logDir, 'tools');
    mkdirSync(join(folder, 'a-folder.log'), { recursive: true });
    const files = { 'gone.log': 6, 'gone.log.1': 6, 'gone.log.2': 9, 'here.log': 4, 'here.log.1': 4, 'notes.txt': 99 };
    for (const [name, days] of Object.entries(files)) {
      writeFileSync(join(folder, name), 'said');
      const time = new Date(clock.now() - days * DAY_MS);
      utimesSync(join(folder, name), time, time);
    }
    await retention.deleteExpired(clock.now(), NEVER);
    expect(readdirSync(folder).sort()).toEqual(['a-folder.log', 'here.log', 'here.log.1', 'notes.txt']);
    expect(await cleanups()).toMatchObject([{ outcome: 'success', by: 'age', files: 3 }]);
    clock.pass(2 * DAY_MS);
    await retention.deleteExpired(clock.now(), NEVER);
    expect(readdirSync(folder).sort()).toEqual(['a-folder.log', 'notes.txt']);
  });

  it('F63: removes no file while the time is in doubt', async () => {
    const file = join(logDir, 'tools', 'old.log');
    mkdirSync(join(logDir, 'tools'), { recursive: true });
    writeFileSync(file, 'said');
    utimesSync(file, new Date(clock.now()), new Date(clock.now()));
    await retention.keepToSize(clock.now(), NEVER);
    clock.wall += 700 * DAY_MS;
    await retention.deleteExpired(null, NEVER);
    expect(existsSync(file)).toBe(true);
  });

  it('F63: deletes a fifth of a log at most in a run that nobody has prepared, and the next runs go on', async () => {
    await fill(10);
    await retention.deleteExpired(clock.now(), NEVER);
    expect(await counts()).toEqual([80, 91, 80]);
    expect(await cleanups()).toMatchObject([
      { deleted: { system: 20, operations: 10, mcp: 20 }, system: expect.stringMatching(/^A fifth of it was deleted/) },
    ]);
    for (let run = 0; run < 8; run++) await retention.deleteExpired(clock.now(), NEVER);
    expect(await counts()).toEqual([60, expect.any(Number), 40]);
  });

  it('goes all the way in one run where somebody has just lowered the days', async () => {
    await fill(10);
    values['logs.mcpRetentionDays'] = 1;
    changed.get('logs.mcpRetentionDays')?.();
    await retention.deleteExpired(clock.now(), NEVER);
    expect(await counts()).toEqual([80, 91, 20]);
  });

  it('F63: deletes nothing by age after the clock has jumped, says so once, and does it when the time is believed again', async () => {
    await fill(4);
    values['logs.mcpRetentionDays'] = 2;
    changed.get('logs.mcpRetentionDays')?.();
    await retention.keepToSize(clock.now(), NEVER);
    const rightTime = clock.wall;
    clock.wall += 700 * DAY_MS;
    await retention.deleteExpired(null, NEVER);
    await retention.keepToSize(null, NEVER);
    await retention.deleteExpired(null, NEVER);
    expect(await counts()).toEqual([40, 41, 40]);
    expect(await cleanups()).toEqual([
      { outcome: 'failure', by: 'age', reason: 'The clock is 700 days ahead of when it was last looked at' },
    ]);
    expect(() => retention.daysAgo(1)).toThrow(ClockInDoubtError);
    expect(retention.daysAgo(0)).toBe(clock.now());
    clock.wall = rightTime;
    await retention.keepToSize(null, NEVER);
    expect(await count('mcp_log')).toBe(40);
    clock.pass(3_700_000);
    await operations.append({ action: 'tool.start', outcome: 'success' });
    await retention.keepToSize(null, NEVER);
    expect(await count('mcp_log')).toBe(20);
  });

  it('F63: deletes nothing from a log whose newest row is later than now', async () => {
    await fill(10);
    clock.wall -= 3 * 3_600_000;
    await retention.deleteExpired(clock.now(), NEVER);
    expect(await counts()).toEqual([100, 101, 100]);
    expect(await cleanups()).toMatchObject([{ mcp: 'Nothing was deleted: its newest row is of later than now' }]);
  });

  it('F63: a wrong time that everybody believes costs a fifth of the rows in a night, not all', async () => {
    await fill(10);
    clock.wall += 700 * DAY_MS;
    // As after a start on a machine whose clock went wrong while it was off, an hour ago.
    await store.write([message(clock.wall), line(clock.wall)]);
    await operations.append({ action: 'tool.start', outcome: 'success' });
    await retention.deleteExpired(clock.now(), NEVER);
    expect(await counts()).toEqual([80, expect.any(Number), 80]);
  });

  it('deletes the oldest messages and lines when they take too much room, and gives the room back', async () => {
    await fill(2);
    for (let n = 0; n < 10; n++) await store.write(Array.from({ length: 300 }, () => message(clock.wall)));
    const { storedBytes } = await store.upkeep({ task: 'finish' });
    values['logs.maxSizeBytes'] = Math.round(storedBytes * 0.6);
    await retention.keepToSize(null, NEVER);
    expect((await store.upkeep({ task: 'finish' })).storedBytes).toBeLessThanOrEqual(storedBytes * 0.6);
    expect(await count('mcp_log')).toBeGreaterThan(500);
    expect(await cleanups()).toMatchObject([
      { outcome: 'success', by: 'size', limitBytes: values['logs.maxSizeBytes'] },
    ]);
    await retention.keepToSize(null, NEVER);
    expect(await cleanups()).toHaveLength(1);
  });

  it('counts before it deletes, deletes what it has counted, and is alone while it does', async () => {
    await fill(4);
    const request = { logs: ['system', 'operations', 'mcp'] as const, before: clock.now(), dryRun: false };
    const expected = { system: 30, operations: 30, mcp: 30 };
    expect(await retention.count(request)).toEqual(expected);
    expect(await counts()).toEqual([40, 40, 40]);
    const deleted = nothing();
    const work = retention.cleanUp(request, deleted, () => undefined);
    await expect(retention.cleanUp(request, nothing(), () => undefined)).rejects.toThrow(CleanupRunningError);
    expect(await work).toBe(true);
    expect(deleted).toEqual(expected);
    expect(isSound(await verifier.verify())).toBe(true);
    await db.dataSource.manager.clear(OperationAnchor);
    expect(isSound(await verifier.verify())).toBe(false);
  });
});
