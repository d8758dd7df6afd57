import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AfterCommit } from './after-commit';
import { transactionOwner } from './sqlite-serializer';

/** The handle of an open transaction; repository methods that take part accept it as their last parameter. */
export type Tx = EntityManager;

/** The only place where transactions are opened. Keep the work short: on SQLite everyone else waits for its end. */
@Injectable()
export class Transactions {
  private readonly followers = new WeakMap<object, AfterCommit>();

  constructor(private readonly dataSource: DataSource) {}

  /** Commits when `work` resolves, rolls back when it rejects. No network call and no process start inside. */
  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const { result, follower } = await this.dataSource.transaction(async (tx) => {
      const runner = tx.queryRunner;
      if (!runner) return { result: await work(tx), follower: null };
      const after = new AfterCommit(runner);
      this.followers.set(runner, after);
      return { result: await transactionOwner.run(runner, () => work(tx)), follower: after };
    });
    follower?.run();
    return result;
  }

  /** `work` is done right after the commit, before `run` resolves; never, where all or this part is taken back. */
  afterCommit(tx: Tx, work: () => void): void {
    const follower = tx.queryRunner && this.followers.get(tx.queryRunner);
    if (!follower) throw new Error('afterCommit needs the handle of a transaction that is open here');
    follower.add(work);
  }
}
