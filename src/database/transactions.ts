import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
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

  private once<T>(work: (tx: Tx) => Promise<T>, progress: { committing: boolean }): Promise<T> {
    return this.dataSource.transaction(async (tx) => {
      const runner = tx.queryRunner;
      const result = await (runner ? transactionOwner.run(runner, () => work(tx)) : work(tx));
      progress.committing = true;
      return result;
    });
  }
}
