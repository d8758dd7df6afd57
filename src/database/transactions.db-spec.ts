import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { Column, Entity, type MigrationInterface, PrimaryColumn, type QueryRunner, Table } from 'typeorm';
import { describeOn } from '../../test/support/describe-on';
import { createMigratedDatabase, type MigratedDatabase } from '../../test/support/migrated-database';
import { isUniqueViolation } from './database-errors';
import type { Tx } from './transactions';

@Entity('notes')
class Note {
  @PrimaryColumn({ type: 'integer' })
  id: number;

  @Column({ type: 'varchar', unique: true })
  body: string;
}

class CreateNotes1700000000000 implements MigrationInterface {
  name = 'CreateNotes1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    const columns = [
      { name: 'id', type: 'integer', isPrimary: true },
      { name: 'body', type: 'varchar', isUnique: true },
    ];
    await runner.createTable(new Table({ name: 'notes', columns }));
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('notes');
  }
}

let db: MigratedDatabase;

const aNote = (id: number): Note => Object.assign(new Note(), { id, body: `note ${id}` });

async function storedIds(): Promise<number[]> {
  return (await db.dataSource.manager.find(Note, { order: { id: 'ASC' } })).map(({ id }) => id);
}

beforeAll(async () => {
  db = await createMigratedDatabase({ entities: [Note], migrations: [CreateNotes1700000000000] });
});

afterAll(() => db.drop());

afterEach(() => db.dataSource.manager.clear(Note));

describe('transactions', () => {
  it('keep apart when hundreds run at once with rollbacks and plain writes among them', async () => {
    const work = Array.from({ length: 200 }, async (_, index) => {
      const first = 1_000 + index * 2;
      const outcome = db.transactions.run(async (tx) => {
        await tx.insert(Note, aNote(first));
        await turn();
        await tx.insert(Note, aNote(first + 1));
        await turn();
        if (index % 10 === 0) throw new Error('deliberate');
        return [first, first + 1];
      });
      return outcome.catch((error: unknown) => {
        expect(error).toEqual(new Error('deliberate'));
        return [];
      });
    });
    const innocent = Array.from({ length: 100 }, async (_, index) => {
      for (let turns = index % 7; turns > 0; turns--) await turn();
      await db.dataSource.manager.insert(Note, aNote(index));
      return [index];
    });
    const committed = (await Promise.all([...work, ...innocent])).flat().sort((a, b) => a - b);
    expect(committed).toHaveLength(180 * 2 + 100);
    expect(await storedIds()).toEqual(committed);
  });

  it('give their result when they commit', async () => {
    expect(await db.transactions.run(async (tx) => (await tx.insert(Note, aNote(1)), 'done'))).toBe('done');
    expect(await storedIds()).toEqual([1]);
  });

  it('take back a part alone when that part was a transaction inside', async () => {
    await db.transactions.run(async (tx) => {
      await tx.insert(Note, aNote(1));
      const inner = tx.transaction(async (part) => {
        await part.insert(Note, aNote(2));
        throw new Error('deliberate');
      });
      await expect(inner).rejects.toThrow('deliberate');
      await tx.transaction((part) => part.insert(Note, aNote(3)));
      await tx.insert(Note, aNote(4));
    });
    expect(await storedIds()).toEqual([1, 3, 4]);
  });

  it('take back the parts inside, too, when the whole fails', async () => {
    const whole = db.transactions.run(async (tx) => {
      await tx.transaction((part) => part.insert(Note, aNote(1)));
      throw new Error('deliberate');
    });
    await expect(whole).rejects.toThrow('deliberate');
    expect(await storedIds()).toEqual([]);
  });

  it('are followed by what was said in them once others can see them, but for parts that were taken back', async () => {
    const done: string[] = [];
    const say = (tx: Tx, what: string) => db.transactions.afterCommit(tx, () => done.push(what));
    const result = await db.transactions.run(async (tx) => {
      db.transactions.afterCommit(tx, () => {
        throw new Error('a follower that fails is not the trouble of who commits');
      });
      await tx.insert(Note, aNote(1));
      say(tx, 'first');
      const failing = tx.transaction(async (part) => {
        say(part, 'taken back');
        await part.transaction((inner) => {
          say(inner, 'taken back with it');
          return Promise.resolve();
        });
        throw new Error('deliberate');
      });
      await expect(failing).rejects.toThrow('deliberate');
      await tx.transaction((part) => {
        say(part, 'part');
        return Promise.resolve();
      });
      say(tx, 'last');
      expect(done).toEqual([]);
      return 'result';
    });
    expect([result, done]).toEqual(['result', ['first', 'part', 'last']]);
    expect(() => say(db.dataSource.manager, 'no transaction')).toThrow(/afterCommit needs/);
  });

  it('are followed by nothing when they fail', async () => {
    const done: string[] = [];
    const failing = db.transactions.run(async (tx) => {
      db.transactions.afterCommit(tx, () => done.push('said'));
      await tx.insert(Note, aNote(1));
      throw new Error('deliberate');
    });
    await expect(failing).rejects.toThrow('deliberate');
    await db.transactions.run((tx) => tx.insert(Note, aNote(2)));
    expect(done).toEqual([]);
  });

  it('leave the connection in order when a statement in them fails', async () => {
    await db.dataSource.manager.insert(Note, aNote(1));
    const failing = db.transactions.run(async (tx) => {
      await tx.insert(Note, aNote(2));
      await tx.insert(Note, aNote(1));
    });
    await expect(failing).rejects.toThrow(/unique/i);
    await db.transactions.run((tx) => tx.insert(Note, aNote(3)));
    expect(await storedIds()).toEqual([1, 3]);
  });
});

describe('a value that is taken', () => {
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(() => 'done').catch((error: unknown) => error);

  it.each([
    ['a primary key', { id: 1, body: 'another' }, true],
    ['a unique column', { id: 2, body: 'note 1' }, true],
    ['not one that is missing', { id: 2 }, false],
  ])('is told from other failures: %s', async (_, values, expected) => {
    await db.dataSource.manager.insert(Note, aNote(1));
    const failure = await failureOf(db.dataSource.manager.insert(Note, values));
    expect(failure).toBeInstanceOf(Error);
    expect(isUniqueViolation(failure)).toBe(expected);
  });

  it('is never seen in an error that came from elsewhere', () => {
    expect(isUniqueViolation(Object.assign(new Error('x'), { code: '23505' }))).toBe(false);
    expect(isUniqueViolation(undefined)).toBe(false);
  });
});

describeOn('sqlite', 'on the one connection of SQLite', () => {
  const HINT = /A query inside a transaction must use that transaction: hand its `tx`/;

  it('a query in a transaction that does not use it fails at once and says why', async () => {
    const forgetful = db.transactions.run(async (tx) => {
      await tx.insert(Note, aNote(1));
      await db.dataSource.manager.insert(Note, aNote(2));
    });
    await expect(forgetful).rejects.toThrow(HINT);
    const nested = db.transactions.run(() => db.transactions.run((tx) => tx.insert(Note, aNote(3))));
    await expect(nested).rejects.toThrow(HINT);
    expect(await storedIds()).toEqual([]);
  });

  it('work that outlives the transaction it was begun in gets its turn', async () => {
    let later: Promise<unknown> = Promise.resolve();
    await db.transactions.run(async (tx) => {
      await tx.insert(Note, aNote(1));
      later = turn(0).then(async () => {
        while (tx.queryRunner?.isTransactionActive) await turn();
        await db.dataSource.manager.insert(Note, aNote(2));
      });
    });
    await later;
    expect(await storedIds()).toEqual([1, 2]);
  });

  it('those who wait for the connection get it in the order they came', async () => {
    const order: number[] = [];
    const all = Array.from({ length: 20 }, (_, index) =>
      db.transactions.run(async (tx) => {
        await turn();
        await tx.insert(Note, aNote(index));
        order.push(index);
      }),
    );
    await Promise.all(all);
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('a runner that is released in the middle leaves neither its transaction nor its place behind', async () => {
    const runner = db.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.insert(Note, aNote(1));
    const waiting = db.dataSource.manager.insert(Note, aNote(2));
    await runner.release();
    await waiting;
    await db.transactions.run((tx) => tx.insert(Note, aNote(3)));
    expect(await storedIds()).toEqual([2, 3]);
  });

  /** Another process that writes `body` in a transaction which it keeps open for a moment, or until it is told. */
  async function startOtherWriter(
    id: number,
    holdMs?: number,
  ): Promise<{ ended: Promise<unknown>; letGo: () => void }> {
    if (db.target.type !== 'sqlite') throw new Error('on SQLite only');
    const program = `
      const db = new (require('better-sqlite3'))(process.argv[1]);
      db.exec("BEGIN IMMEDIATE; INSERT INTO notes (id, body) VALUES (${id}, 'other ${id}')");
      process.stdout.write('holding\\n');
      ${holdMs === undefined ? `process.stdin.resume().on('end', ` : `setTimeout(`}() => db.exec('COMMIT'), ${holdMs});`;
    const child = spawn(process.execPath, ['-e', program, db.target.file], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended]);
    expect(child.exitCode).toBeNull();
    return { ended, letGo: () => void child.stdin.end() };
  }

  it('a write waits for another process that is writing', async () => {
    const other = await startOtherWriter(1, 300);
    await db.dataSource.manager.insert(Note, aNote(2));
    await other.ended;
    expect(await storedIds()).toEqual([1, 2]);
  });

  it('a transaction that reads before it writes waits as well, and sees what the other wrote', async () => {
    const other = await startOtherWriter(1, 300);
    const seen = await db.transactions.run(async (tx) => {
      const count = await tx.count(Note);
      await tx.insert(Note, aNote(2));
      return count;
    });
    await other.ended;
    expect(seen).toBe(1);
    expect(await storedIds()).toEqual([1, 2]);
  });

  it('a transaction that can not even begin leaves its place to the next', async () => {
    const connection = Reflect.get(db.dataSource.driver, 'databaseConnection') as Database;
    connection.pragma('busy_timeout = 1');
    try {
      const other = await startOtherWriter(1);
      const runner = db.dataSource.createQueryRunner();
      await expect(db.transactions.run((tx) => tx.insert(Note, aNote(2)))).rejects.toThrow(/database is locked/);
      await expect(runner.startTransaction()).rejects.toThrow(/database is locked/);
      other.letGo();
      await other.ended;
      await db.transactions.run((tx) => tx.insert(Note, aNote(3)));
      await runner.release();
    } finally {
      connection.pragma('busy_timeout = 5000');
    }
    expect(await storedIds()).toEqual([1, 3]);
  });
});

describeOn('postgres', 'on PostgreSQL', () => {
  it('F56: both of two transactions that deadlock are done in the end', async () => {
    await db.dataSource.manager.insert(Note, [aNote(1), aNote(2)]);
    let waiting = 0;
    let letGo: () => void = () => undefined;
    const both = new Promise<void>((resolve) => (letGo = resolve));
    let works = 0;
    const touch = (first: number, second: number) =>
      db.transactions.run(async (tx) => {
        works += 1;
        await tx.update(Note, { id: first }, { body: `${first} by ${first}` });
        if (++waiting === 2) letGo();
        await both;
        await tx.update(Note, { id: second }, { body: `${second} by ${first}` });
      });
    await Promise.all([touch(1, 2), touch(2, 1)]);
    expect(works).toBe(3);
    const bodies = (await db.dataSource.manager.find(Note)).map(({ body }) => body.slice(-4));
    // Both rows are of the one that came last.
    expect(new Set(bodies).size).toBe(1);
  });

  it('F56: one whose connection an administrator ends is done on another, once, and the pool is none the worse', async () => {
    let works = 0;
    await db.transactions.run(async (tx) => {
      works += 1;
      await tx.insert(Note, aNote(1));
      if (works > 1) return;
      const [{ pid }] = await tx.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
      await db.dataSource.query('SELECT pg_terminate_backend($1)', [pid]);
      await tx.insert(Note, aNote(2));
    });
    expect(works).toBe(2);
    expect(await storedIds()).toEqual([1]);
    await Promise.all(Array.from({ length: 20 }, () => db.dataSource.query('SELECT 1')));
  });

  it('F56: a statement that takes longer than it may is ended, and not tried again', async () => {
    let works = 0;
    const slow = db.transactions.run(async (tx) => {
      works += 1;
      await tx.query('SET LOCAL statement_timeout = 50');
      await tx.query('SELECT pg_sleep(10)');
    });
    await expect(slow).rejects.toThrow(/statement timeout/);
    expect(works).toBe(1);
  });
});
