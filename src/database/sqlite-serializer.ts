import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from 'better-sqlite3';
import type { DataSource, QueryRunner } from 'typeorm';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';
import type { WriteGate } from './write-gate';

/** How long a statement waits for the one connection before it gives up. */
const WAIT_LIMIT_MS = 30_000;

/** The query runner whose transaction the current code runs in: set by Transactions. */
export const transactionOwner = new AsyncLocalStorage<object>();

interface Waiter {
  runner: object;
  proceed: () => void;
  timer: NodeJS.Timeout;
}

/** Who may use the one SQLite connection: one owner at a time, the others in the order they came. */
class ConnectionQueue {
  private owner: object | null = null;
  private readonly waiters: Waiter[] = [];

  async acquire(runner: object): Promise<void> {
    if (this.owner === runner) return;
    if (this.owner === null) {
      this.owner = runner;
      return;
    }
    // Inside a transaction a foreign runner would wait for itself until the limit: say so at once instead.
    if (transactionOwner.getStore() === this.owner) {
      throw new Error('A query inside a transaction must use that transaction: hand its `tx` to the repository');
    }
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        runner,
        proceed: resolve,
        timer: setTimeout(() => {
          this.waiters.splice(this.waiters.indexOf(waiter), 1);
          reject(new Error(`The database was busy for ${WAIT_LIMIT_MS / 1000} s`));
        }, WAIT_LIMIT_MS),
      };
      this.waiters.push(waiter);
    });
  }

  release(runner: object): void {
    if (this.owner !== runner) return;
    const next = this.waiters.shift();
    this.owner = next?.runner ?? null;
    if (next) {
      clearTimeout(next.timer);
      next.proceed();
    }
  }
}

const queues = new WeakMap<DataSource, ConnectionQueue>();

/**
 * Takes the one connection, so that everybody else waits until the result is called (or gives up after its limit): what
 * another connection does to the whole file then blocks no thread. On PostgreSQL there is nothing to hold.
 */
export async function holdConnection(dataSource: DataSource): Promise<() => void> {
  const queue = queues.get(dataSource);
  const holder = {};
  await queue?.acquire(holder);
  return () => queue?.release(holder);
}

/**
 * Makes TypeORM safe on SQLite under concurrent requests. All its query runners share one physical connection, so without
 * this a second BEGIN fails and a plain write slips into somebody else's transaction (and is lost when that rolls back).
 * Here each caller gets a runner of its own, and the connection belongs to one runner from its BEGIN to its end.
 * Call before `initialize()`. Nested transactions of one runner become savepoints as usual.
 */
export function serializeSqlite(dataSource: DataSource, gate: WriteGate): DataSource {
  const queue = new ConnectionQueue();
  queues.set(dataSource, queue);
  // Prepared statements belong to the connection, which all runners share: a runner lives for one query only.
  const statements = new Map<string, unknown>();

  class SerializedQueryRunner extends BetterSqlite3QueryRunner {
    constructor(driver: BetterSqlite3Driver) {
      super(driver);
      Object.assign(this, { stmtCache: statements });
    }

    override async query(...args: Parameters<BetterSqlite3QueryRunner['query']>): Promise<unknown> {
      await queue.acquire(this);
      try {
        gate.assertAllows(args[0]);
        // A deferred BEGIN takes the write lock only at its first write, and fails at once (no busy timeout) if another
        // connection has written since; an immediate one waits for its turn.
        if (args[0] === 'BEGIN TRANSACTION') args[0] = 'BEGIN IMMEDIATE TRANSACTION';
        return (await super.query(...args)) as unknown;
      } finally {
        this.releaseWhenIdle();
      }
    }

    override async startTransaction(...args: Parameters<BetterSqlite3QueryRunner['startTransaction']>): Promise<void> {
      await queue.acquire(this);
      try {
        await super.startTransaction(...args);
      } catch (error) {
        // TypeORM counts the transaction as active before BEGIN has succeeded.
        if (!((await this.connect()) as Database).inTransaction) this.isTransactionActive = false;
        throw error;
      } finally {
        this.releaseWhenIdle();
      }
    }

    override async commitTransaction(): Promise<void> {
      try {
        await super.commitTransaction();
      } finally {
        this.releaseWhenIdle();
      }
    }

    override async rollbackTransaction(): Promise<void> {
      try {
        await super.rollbackTransaction();
      } finally {
        this.releaseWhenIdle();
      }
    }

    override async release(): Promise<void> {
      await super.release();
      // A runner given back in the middle of a transaction (its ROLLBACK failed) must leave neither behind.
      if (this.isTransactionActive) {
        const connection = (await this.connect()) as Database;
        if (connection.inTransaction) connection.exec('ROLLBACK');
        this.isTransactionActive = false;
      }
      queue.release(this);
    }

    private releaseWhenIdle(): void {
      if (!this.isTransactionActive) queue.release(this);
    }
  }

  const driver = dataSource.driver as BetterSqlite3Driver;
  // `query` is generic there with an `any` inside; ours returns the same values under a stricter name.
  driver.createQueryRunner = () => new SerializedQueryRunner(driver) as unknown as QueryRunner;
  return dataSource;
}
