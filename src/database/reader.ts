import { DomainError } from '../common/domain-error';

/** What a statement is given, in the order of its `?`. */
export type SqlValue = string | number | null;

export interface Statement {
  /** Standard SQL with `?` for values, on either database; `within_limit()` and `contains_text()` on SQLite alone. */
  sql: string;
  values: readonly SqlValue[];
}

export interface ReadOptions {
  /** How long the query may take, in milliseconds; 5 s if not said. */
  limitMs?: number;
  /** Rows beyond so many bytes are left out, but for the first: for who reads on from the last row anyway. SQLite alone. */
  maxBytes?: number;
}

/** Columns by their names as the statement gives them. */
export type ReadRow = Record<string, unknown>;

export const QUERY_LIMIT_MS = 5_000;

/** 503: a query was ended because it took too long. */
export class QueryTooSlowError extends DomainError {
  constructor(limitMs: number, cause?: unknown) {
    super(
      'unavailable',
      'query_too_slow',
      `The query was ended after ${limitMs / 1000} s: narrow it, best by \`from\` and \`to\`, or by tool, session or method`,
      { cause },
    );
  }
}

/** 503: so many queries wait that one more would wait for too long. */
export class TooManyQueriesError extends DomainError {
  constructor() {
    super('unavailable', 'too_many_queries', 'Too many queries of the logs are running; try again soon', {
      retryAfterSeconds: 5,
    });
  }
}

/** Runs heavy reads beside the event loop, each within a limit of time: in a thread on SQLite, at the server on PostgreSQL. */
export abstract class Reader {
  abstract readonly dialect: 'sqlite' | 'postgres';

  /** @throws QueryTooSlowError, TooManyQueriesError, or what the database says */
  abstract query(statement: Statement, options?: ReadOptions): Promise<ReadRow[]>;

  abstract close(): Promise<void>;
}
