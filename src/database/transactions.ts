import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { transactionOwner } from './sqlite-serializer';

/** The handle of an open transaction; repository methods that take part accept it as their last parameter. */
export type Tx = EntityManager;

/** The only place where transactions are opened. Keep the work short: on SQLite everyone else waits for its end. */
@Injectable()
export class Transactions {
  constructor(private readonly dataSource: DataSource) {}

  /** Commits when `work` resolves, rolls back when it rejects. No network call and no process start inside. */
  run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.dataSource.transaction((tx) => {
      const runner = tx.queryRunner;
      return runner ? transactionOwner.run(runner, () => work(tx)) : work(tx);
    });
  }
}
