import { createHmac } from 'node:crypto';
import { describeOn } from '../../test/support/describe-on';
import { FakeClock } from '../../test/support/fake-clock';
import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { type RequestContext, currentRequest, noteTarget, runInRequest } from '../common/request-context';
import { SecretKeys } from '../config/secret-keys';
import { DatabaseInfo } from '../database/database-info';
import { Events } from '../events/events';
import { OperationAnchor } from './operation-anchor.entity';
import { Operation } from './operation.entity';
import { type OperationEntry, OperationLog } from './operation-log';
import { OperationRepository } from './operation.repository';

const KEYS = new SecretKeys('master key of this test');
const USER = { type: 'user', id: '019ab000-0000-7000-8000-000000000001', name: 'anna' } as const;

let db: MigratedDatabase;
let operations: OperationLog;
const events = new Events();

beforeAll(async () => {
  db = await createMigratedDatabase();
});

afterAll(() => db.drop());

beforeEach(async () => {
  await db.dataSource.manager.clear(Operation);
  await db.dataSource.manager.clear(OperationAnchor);
  const { dataSource, transactions } = db;
  const repository = new OperationRepository(dataSource.getRepository(Operation), new DatabaseInfo(dataSource));
  operations = new OperationLog(repository, transactions, KEYS, new FakeClock(1_000_000), events);
});

const anEntry = (given: Partial<OperationEntry> = {}): OperationEntry => ({
  action: 'tool.start',
  outcome: 'success',
  ...given,
});

const rows = (): Promise<Operation[]> => db.dataSource.manager.find(Operation, { order: { seq: 'ASC' } });

async function onlyRow(): Promise<Operation> {
  const all = await rows();
  expect(all).toHaveLength(1);
  return all[0]!;
}

/** The hash as anyone with the key works it out from what is stored. */
function hashOf(row: Operation, keys = KEYS): string {
  const { seq, id, at, actorType, actorId, actorName, action, targetType, targetId, targetName } = row;
  const first = [seq, id, at, actorType, actorId, actorName, action, targetType, targetId, targetName];
  const { outcome, status, ip, requestId, changes, prevHash } = row;
  const text = JSON.stringify([...first, outcome, status, ip, requestId, changes, prevHash]);
  return createHmac('sha256', keys.operationChain).update(text).digest('hex');
}

function inRequest<T>(work: (request: RequestContext) => Promise<T>): Promise<T> {
  return runInRequest({ requestId: 'r-1', ip: '203.0.113.7' }, () => work(currentRequest()!));
}

describe('the operation log', () => {
  it('tells of each row once it can be read, and never of one that was taken back', async () => {
    const told: number[] = [];
    const stop = events.on('operation.recorded', ({ seq }) => told.push(seq));
    await operations.append(anEntry());
    expect(told).toEqual([1]);
    await db.transactions.run(async (tx) => {
      await operations.append(anEntry(), tx);
      await tx.transaction((part) => operations.append(anEntry(), part));
      expect(told).toEqual([1]);
    });
    const failed = db.transactions.run(async (tx) => {
      await operations.append(anEntry(), tx);
      throw new Error('deliberate');
    });
    await expect(failed).rejects.toThrow('deliberate');
    stop();
    expect(told).toEqual([1, 2, 3]);
    expect((await rows()).map(({ seq }) => seq)).toEqual(told);
  });

  it('stays one chain without gaps under many writers at once', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, n) => operations.append(anEntry({ changes: { n } }))));
    const all = await rows();
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(all.map(({ prevHash }) => prevHash)).toEqual(['0'.repeat(64), ...all.slice(0, -1).map(({ hash }) => hash)]);
    expect(all.map(({ hash }) => hash)).toEqual(all.map((row) => hashOf(row)));
    expect(new Set(all.map(({ changes }) => changes)).size).toBe(50);
  });

  it('shows any change of a row, and can not be forged without the key', async () => {
    await inRequest((request) => {
      request.actor = USER;
      return operations.append(
        anEntry({ target: { type: 'tool', id: 't-1', name: 'weather' }, changes: { a: 1 }, status: 200 }),
      );
    });
    const row = await onlyRow();
    expect(hashOf(row)).toBe(row.hash);
    const { hash, ...fields } = row;
    for (const [name, value] of Object.entries(fields)) {
      const changed = Object.assign(new Operation(), row, {
        [name]: typeof value === 'number' ? value + 1 : `${value}x`,
      });
      expect([name, hashOf(changed)]).not.toEqual([name, hash]);
      expect([name, hashOf(Object.assign(new Operation(), row, { [name]: null }))]).not.toEqual([name, hash]);
    }
    expect(hashOf(row, new SecretKeys('another key'))).not.toBe(hash);
  });

  it('stands or falls with the change it describes, and leaves no gap when it falls', async () => {
    await operations.append(anEntry({ action: 'tool.create' }));
    const failing = db.transactions.run(async (tx) => {
      await operations.append(anEntry({ action: 'tool.update' }), tx);
      throw new Error('deliberate');
    });
    await expect(failing).rejects.toThrow('deliberate');
    await db.transactions.run(async (tx) => {
      await operations.append(anEntry({ action: 'tool.delete' }), tx);
      await operations.append(anEntry({ action: 'secret.delete' }), tx);
    });
    const all = await rows();
    expect(all.map(({ seq, action }) => [seq, action])).toEqual([
      [1, 'tool.create'],
      [2, 'tool.delete'],
      [3, 'secret.delete'],
    ]);
    expect(all.map(({ prevHash }) => prevHash).slice(1)).toEqual(all.map(({ hash }) => hash).slice(0, -1));
  });

  it('knows who asked for what, from where and in which request', async () => {
    await inRequest(async (request) => {
      request.actor = USER;
      noteTarget({ type: 'tool', id: 't-1', name: 'weather' });
      expect(request.operationRecorded).toBe(false);
      await operations.append(anEntry({ outcome: 'failure', status: 409, changes: { code: 'tool_not_running' } }));
      expect(request.operationRecorded).toBe(true);
    });
    expect(await onlyRow()).toMatchObject({
      at: 1_000_000,
      actorType: 'user',
      actorId: USER.id,
      actorName: 'anna',
      action: 'tool.start',
      targetType: 'tool',
      targetId: 't-1',
      targetName: 'weather',
      outcome: 'failure',
      status: 409,
      ip: '203.0.113.7',
      requestId: 'r-1',
      changes: '{"code":"tool_not_running"}',
    });
  });

  it('names the caller before it is known as anonymous, and the program itself outside of requests', async () => {
    await inRequest(() => operations.append(anEntry()));
    await operations.append(anEntry());
    expect(await rows()).toMatchObject([
      { actorType: 'anonymous', actorName: 'anonymous', ip: '203.0.113.7' },
      { actorType: 'system', actorName: 'mcps', actorId: null, ip: null, requestId: null, targetType: null },
    ]);
  });

  it('A23: hides what is secret by its look, before the row is signed', async () => {
    const token = 'ghp_0123456789abcdef0123456789abcdef';
    await operations.append(
      anEntry({ changes: { args: { after: ['--verbose', token] }, detail: `password=${token}` } }),
    );
    const row = await onlyRow();
    expect(row.changes).toBe('{"args":{"after":["--verbose","***"]},"detail":"password=***"}');
    expect(hashOf(row)).toBe(row.hash);
  });

  it('takes the word of the entry over that of the request', async () => {
    const target = { type: 'user', id: USER.id, name: USER.name };
    await inRequest(async () => {
      noteTarget({ type: 'user', id: null, name: 'ANNA' });
      await operations.append(anEntry({ action: 'auth.login', actor: USER, target }));
    });
    expect(await onlyRow()).toMatchObject({
      actorType: 'user',
      actorName: 'anna',
      targetId: USER.id,
      targetName: 'anna',
    });
  });

  it.each([
    ['too long', 'x'.repeat(5_000)],
    ['with a NUL', 'an\0na'],
    ['with half a character', 'anna\ud83d'],
    ['that would be cut in the middle of a character', `${'x'.repeat(199)}🌍`],
    ['beyond ASCII', '世界 🌍 Grüße'],
  ])('stores the name of a stranger %s so that its hash can still be checked', async (_, name) => {
    const actor = { ...USER, name };
    await operations.append(anEntry({ actor, target: { type: 'user', id: 'i'.repeat(100), name }, changes: { name } }));
    const row = await onlyRow();
    expect(hashOf(row)).toBe(row.hash);
    expect(row.targetName).toBe(row.actorName);
    expect(row.actorName.length).toBeLessThanOrEqual(200);
    expect(row.actorName.slice(0, 2)).toBe(name.slice(0, 2));
    expect(row.targetId).toHaveLength(64);
  });
});

describeOn('postgres', 'a hundred rows at once', () => {
  it('are all written, however few connections there are and however short one is waited for', async () => {
    const { options } = Reflect.get(db.dataSource.driver, 'master') as { options: { connectionTimeoutMillis: number } };
    const { connectionTimeoutMillis } = options;
    // Those that are open already are had at once.
    await Promise.all(Array.from({ length: 10 }, () => db.dataSource.query('SELECT pg_sleep(0.05)')));
    options.connectionTimeoutMillis = 50;
    try {
      let all: Promise<unknown> = Promise.resolve();
      await db.transactions.run(async (tx) => {
        // No other row is written before this one is committed, ten times later than anybody waits for a connection.
        await operations.append(anEntry(), tx);
        all = Promise.all(Array.from({ length: 100 }, () => operations.append(anEntry())));
        all.catch(() => undefined);
        await tx.query('SELECT pg_sleep(0.5)');
      });
      await all;
    } finally {
      options.connectionTimeoutMillis = connectionTimeoutMillis;
    }
    expect(await rows()).toHaveLength(101);
  });
});
