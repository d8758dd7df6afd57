import { QueryFailedError, type DataSource } from 'typeorm';
import { Semaphore } from '../common/semaphore';
import {
  QUERY_LIMIT_MS,
  QueryTooSlowError,
  Reader,
  type ReadOptions,
  type ReadRow,
  type Statement,
  TooManyQueriesError,
} from './reader';

/** Connections of the pool that heavy reads may hold at once: the rest is for the work that users wait for. */
const MAX_RUNNING = 3;
const MAX_WAITING = 100;
/** SQLSTATE query_canceled: what the server says when `statement_timeout` has passed. */
const CANCELED = '57014';

/** Reads on PostgreSQL: the server does the work and ends what takes too long. */
export class PostgresReader extends Reader {
  readonly dialect = 'postgres';
  private readonly places = new Semaphore(MAX_RUNNING);
  private asked = 0;

  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async query(statement: Statement, options: ReadOptions = {}): Promise<ReadRow[]> {
    if (this.asked >= MAX_RUNNING + MAX_WAITING) throw new TooManyQueriesError();
    this.asked++;
    try {
      return await this.places.run(() => this.run(statement, options.limitMs ?? QUERY_LIMIT_MS));
    } finally {
      this.asked--;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private async run({ sql, values }: Statement, limitMs: number): Promise<ReadRow[]> {
    let place = 0;
    const numbered = sql.replace(/\?/g, () => `$${++place}`);
    try {
      return await this.dataSource.transaction(async (tx) => {
        await tx.query(`SET LOCAL statement_timeout = ${Math.ceil(limitMs)}`);
        return tx.query<ReadRow[]>(numbered, [...values]);
      });
    } catch (error) {
      const isOver = error instanceof QueryFailedError && (error.driverError as { code?: unknown }).code === CANCELED;
      throw isOver ? new QueryTooSlowError(limitMs, error) : error;
    }
  }
}
