import { QueryFailedError } from 'typeorm';
import { DomainError } from '../common/domain-error';

/** Whether a statement failed because a unique value is taken: SQLSTATE 23505 or SQLITE_CONSTRAINT_UNIQUE. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof QueryFailedError)) return false;
  const code = (error.driverError as { code?: unknown }).code;
  return code === '23505' || code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY';
}

/** Serialization failure and deadlock: the server has rolled everything back, and another try is what it asks for. */
const ROLLED_BACK = /^(40001|40P01)$/;
/** The connection is gone: class 08, or ended by an administrator, or what the driver says of it by itself. */
const LOST = /^(08...|57P01|ECONNRESET|EPIPE)$/;
/** The last: TypeORM has let go of a connection whose end it heard of between two statements of ours. */
const LOST_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Query runner already released)/;

/** Whether PostgreSQL has rolled the transaction back because of others: nothing of it was kept, also of its commit. */
export function isRolledBack(error: unknown): boolean {
  return ROLLED_BACK.test(failureOf(error).code);
}

/** Whether the connection was lost: what had not been committed was not kept. */
export function isConnectionLost(error: unknown): boolean {
  const { code, message } = failureOf(error);
  return LOST.test(code) || LOST_MESSAGES.test(message);
}

/** Code and message of the driver, as texts. */
function failureOf(error: unknown): { code: string; message: string } {
  const failed: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (typeof failed !== 'object' || failed === null) return { code: '', message: '' };
  const { code, message } = failed as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' ? code : '', message: typeof message === 'string' ? message : '' };
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
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout)/;

/**
 * An error as the edge should tell it: a database that is away, busy or full is a 503, anything else stays what it is.
 * Unclassified network errors are the database's: those of tools come as errors of their own.
 */
export function translateDatabaseError(error: unknown): unknown {
  const { code, message } = failureOf(error);
  if (code === 'SQLITE_FULL' || code === '53100') {
    return new DatabaseUnavailableError('database_full', 'There is no space left for the database', error);
  }
  const away = AWAY.test(code) || AWAY_MESSAGES.test(message);
  return away && !(error instanceof DomainError)
    ? new DatabaseUnavailableError('database_unavailable', 'The database does not answer; try again soon', error)
    : error;
}
