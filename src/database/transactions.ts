import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { AfterCommit } from './after-commit';
import { isConnectionLost, isRolledBack } from './database-errors';
import { transactionOwner } from './sqlite-serializer';

/** The handle of an open transaction; repository methods that take part accept it as their last parameter. */
export type Tx = EntityManager;

const MAX_TRIES = 4;
/** Before the second try; doubled each time, with jitter of 50 to 150 %. */
const FIRST_PAUSE_MS = 30;

/** The only place where transactions are opened. Keep the work short: on SQLite everyone else waits for its end. */
@Injectable()
export class Transactions {
  private readonly followers = new WeakMap<object, AfterCommit>();

  constructor(private readonly dataSource: DataSource) {}

  /**
   * Commits when `work` resolves, rolls back when it rejects. No network call and no process start inside, and nothing else
   * that must not happen twice: where PostgreSQL has certainly kept nothing of it (a deadlock, a serialization failure, a
   * connection lost before the commit), it is done again, some times at most (F56).
   */
  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const progress = { committing: false };
      try {
        return await this.once(work, progress);
      } catch (error) {
        // A connection that is lost in the commit does not say whether that came through.
        const mayTryAgain = isRolledBack(error) || (isConnectionLost(error) && !progress.committing);
        if (!mayTryAgain || attempt === MAX_TRIES) throw error;
        await delay(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
      }
    }
  }

  private async once<T>(work: (tx: Tx) => Promise<T>, progress: { committing: boolean }): Promise<T> {
    const { result, follower } = await this.dataSource.transaction(async (tx) => {
      const runner = tx.queryRunner;
      const after = runner ? new AfterCommit(runner) : null;
      if (runner && after) this.followers.set(runner, after);
      const done = {
        result: await (runner ? transactionOwner.run(runner, () => work(tx)) : work(tx)),
        follower: after,
      };
      progress.committing = true;
      return done;
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
