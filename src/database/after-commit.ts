import { Logger } from '@nestjs/common';
import type { QueryRunner } from 'typeorm';

/**
 * What is to be done once a transaction is committed. A part of it (a savepoint) that is taken back takes along what was
 * said in it: TypeORM tells nobody, so the three steps of its runner are listened to, for the life of one transaction.
 */
export class AfterCommit {
  private readonly logger = new Logger('Transactions');
  private readonly works: (() => void)[] = [];
  /** How many there were when each part that is still open began. */
  private readonly marks: number[] = [];

  constructor(runner: QueryRunner) {
    const start = runner.startTransaction.bind(runner);
    const commit = runner.commitTransaction.bind(runner);
    const rollback = runner.rollbackTransaction.bind(runner);
    runner.startTransaction = async (isolation) => {
      await start(isolation);
      this.marks.push(this.works.length);
    };
    runner.commitTransaction = async () => {
      await commit();
      this.marks.pop();
    };
    runner.rollbackTransaction = async () => {
      this.works.length = this.marks.pop() ?? 0;
      await rollback();
    };
  }

  add(work: () => void): void {
    this.works.push(work);
  }

  /** A failure is ours to see: what was committed stays so, whoever asked for it has his answer. */
  run(): void {
    for (const work of this.works) {
      try {
        work();
      } catch (error) {
        this.logger.error('What follows a commit has failed', error);
      }
    }
  }
}
