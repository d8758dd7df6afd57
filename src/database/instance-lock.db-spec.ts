import { type LockListener, PostgresLock } from './postgres-lock';
import { describeOn } from '../../test/support/describe-on';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LockHolder, startLockHolder } from '../../test/support/held-lock';
import { Client } from 'pg';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { startTcpGate } from '../../test/support/tcp-gate';
import { waitUntil } from '../../test/support/process-tree';
import { DataLockedError, InstanceLock } from './instance-lock';

const NOBODY: LockListener = { onLost: () => undefined, onTaken: () => undefined, onRegained: () => undefined };

async function execute(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

describe('an instance lock', () => {
  const holders: LockHolder[] = [];
  let what: string;

  async function anotherProcess(): Promise<LockHolder> {
    const holder = await startLockHolder(what);
    holders.push(holder);
    return holder;
  }

  function refusal(): DataLockedError | null {
    try {
      InstanceLock.take(what).release();
      return null;
    } catch (error) {
      if (error instanceof DataLockedError) return error;
      throw error;
    }
  }

  beforeEach(() => {
    what = join(temporaryFolder(), 'mcps.db');
  });

  afterEach(async () => {
    for (const { child, ended } of holders.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    removeTemporaryFolders();
  });

  it('held by another process is refused at once, with the pid of its holder', async () => {
    const holder = await anotherProcess();
    expect(holder.said).toBe('held');
    const began = performance.now();
    expect(refusal()).toMatchObject({ holder: holder.pid, what });
    // The driver itself would wait for seconds.
    expect(performance.now() - began).toBeLessThan(4_000);
    expect(refusal()?.message).toBe(
      `${what} is in use by another MCPS.ONE (pid ${holder.pid}). ` +
        'Stop that one first, or give this one its own DATA_DIR and DATABASE_URL.',
    );
  });

  it('held by this process is refused to another one, until it is released', async () => {
    const lock = InstanceLock.take(what);
    expect((await anotherProcess()).said).toContain(`in use by another MCPS.ONE (pid ${process.pid})`);
    lock.release();
    lock.release();
    expect((await anotherProcess()).said).toBe('held');
  });

  it('is refused to this process too while it holds it', () => {
    const lock = InstanceLock.take(what);
    expect(refusal()?.holder).toBe(process.pid);
    lock.release();
    expect(refusal()).toBeNull();
  });

  it('is free at once when its holder is killed, whatever that left behind', async () => {
    const holder = await anotherProcess();
    expect(refusal()).not.toBeNull();
    holder.child.kill('SIGKILL');
    await holder.ended;
    expect(readFileSync(`${what}.lock.pid`, 'utf8')).toBe(`${holder.pid}\n`);
    const lock = InstanceLock.take(what);
    expect(readFileSync(`${what}.lock.pid`, 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
    expect(existsSync(`${what}.lock.pid`)).toBe(false);
  });

  it.each(['', 'garbage', '-1'])('is refused without a pid where the note of it is %j', async (note) => {
    await anotherProcess();
    writeFileSync(`${what}.lock.pid`, note);
    expect(refusal()?.holder).toBeNull();
    expect(refusal()?.message).toContain('is in use by another MCPS.ONE. Stop that one first');
  });

  it('says what is wrong when its folder is not there', () => {
    what = join(what, 'missing', 'mcps.db');
    expect(() => InstanceLock.take(what)).toThrow(/directory does not exist/);
  });
});

describeOn('postgres', 'the lock on a PostgreSQL database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('F53: keeps a second holder off, tells it the pid of the first, and is free once that is gone', async () => {
    const first = await PostgresLock.take(database.url, NOBODY);
    await expect(PostgresLock.take(database.url, NOBODY)).rejects.toMatchObject({ holder: process.pid });
    await first.release();
    const next = await PostgresLock.take(database.url, NOBODY);
    await next.release();
  });

  it('is one for each database of a server', async () => {
    const other = await createTestDatabase();
    const locks = [await PostgresLock.take(database.url, NOBODY), await PostgresLock.take(other.url, NOBODY)];
    for (const lock of locks) await lock.release();
    await other.drop();
  });
  it('F55: is taken again when the server comes back, and tells when somebody else has it', async () => {
    const gate = await startTcpGate(database.url);
    const told: string[] = [];
    const lock = await PostgresLock.take(gate.url, {
      onLost: () => told.push('lost'),
      onTaken: (holder) => told.push(`taken by ${holder}`),
      onRegained: () => told.push('regained'),
    });
    const until = (what: string) => waitUntil(() => (told.at(-1) === what ? true : undefined), { what });
    gate.shut();
    await until('lost');
    gate.open();
    await until('regained');
    gate.shut();
    await until('lost');
    // The server may still have to notice that the first holder is gone.
    const other = await waitUntil(() => PostgresLock.take(database.url, NOBODY).catch(() => undefined), {
      what: 'the lock to be free',
    });
    gate.open();
    await until(`taken by ${process.pid}`);
    await other.release();
    await until('regained');
    expect(told).toEqual(['lost', 'regained', 'lost', `taken by ${process.pid}`, 'regained']);
    await lock.release();
    await gate.close();
  });
});

describeOn('postgres', 'the lock on PostgreSQL while a restore swaps databases (F53)', () => {
  let database: TestDatabase;
  let neighbour: string;
  let name: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    name = new URL(database.url).pathname.slice(1);
    const url = new URL(database.url);
    url.pathname = '/postgres';
    neighbour = url.href;
  });

  afterEach(async () => {
    await execute(
      neighbour,
      `DROP DATABASE IF EXISTS ${name}_new WITH (FORCE)`,
      `DROP DATABASE IF EXISTS ${name}_old WITH (FORCE)`,
    );
    await database.drop();
  });

  it('moves to the new database, and keeps others off at every moment', async () => {
    const lost: string[] = [];
    const lock = await PostgresLock.take(database.url, { ...NOBODY, onLost: (reason) => lost.push(reason) });
    const tries: unknown[] = [];
    const another = async () => {
      tries.push(
        await PostgresLock.take(database.url, NOBODY).then(
          (taken) => taken.release().then(() => 'taken'),
          (error: unknown) => error,
        ),
      );
    };
    await another();
    await lock.moveWith('the token of this restore', async () => {
      await execute(
        neighbour,
        `CREATE DATABASE ${name}_new`,
        `ALTER DATABASE ${name}_new SET mcps.restoring = 'the token of this restore'`,
        `ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
      await another();
      await execute(
        neighbour,
        `ALTER DATABASE ${name} RENAME TO ${name}_old`,
        `ALTER DATABASE ${name}_new RENAME TO ${name}`,
      );
      await another();
    });
    await another();
    await execute(neighbour, `ALTER DATABASE ${name} RESET mcps.restoring`);
    await another();
    expect(
      tries.map((error) => error instanceof DataLockedError || /not currently accepting/.test(String(error))),
    ).toEqual(Array(5).fill(true));
    expect(lost).toEqual([]);
    await lock.release();
    await another();
    expect(tries.at(-1)).toBe('taken');
  });

  it('is refused on a database that a restore of somebody else has not finished with', async () => {
    await execute(neighbour, `ALTER DATABASE ${name} SET mcps.restoring = 'another'`);
    await expect(PostgresLock.take(database.url, NOBODY)).rejects.toThrow(/a restore has not finished with/);
  });
});
