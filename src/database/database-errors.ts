import { QueryFailedError } from 'typeorm';
import { DomainError } from '../common/domain-error';

/** Whether a statement failed because a unique value is taken: SQLSTATE 23505 or SQLITE_CONSTRAINT_UNIQUE. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const code = (error.driverError as { code?: unknown }).code;
  return code === '23505' || code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}

/** 503: the database is away, busy or full; nothing of the request has been stored. */
export class DatabaseUnavailableError extends DomainError {
  constructor(code: 'database_unavailable' | 'database_full', message: string, cause: unknown) {
    super('unavailable', code, message, { retryAfterSeconds: 5, cause });
  }
}

/** What the network and the PostgreSQL driver say when the server is away. */
const AWAY =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|08...|57P0[1-3]|53300|SQLITE_BUSY.*|SQLITE_LOCKED.*)$/;
const AWAY_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/**
 * An error as the edge should tell it: a database that is away, busy or full is a 503, anything else stays what it is.
 * Unclassified network errors are the database's: those of tools come as errors of their own.
 */
export function translateDatabaseError(error: unknown): unknown {
  const failed: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof failed !== 'object' || failed === null) return error;
  const { code, message } = failed as { code?: unknown; message?: unknown };
  if (code === 'SQLITE_FULL' || code === '53100') {
    return new DatabaseUnavailableError('database_full', 'There is no space left for the database', error);
  }
  const away =
    (typeof code === 'string' && AWAY.test(code)) || (typeof message === 'string' && AWAY_MESSAGES.test(message));
  return away && !(error instanceof DomainError)
    ? new DatabaseUnavailableError('database_unavailable', 'The database does not answer; try again soon', error)
    : error;
}
