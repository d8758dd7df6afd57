import { DomainError } from '../common/domain-error';

/** 404: no such message, or it has been cleaned up. */
export class LogEntryNotFoundError extends DomainError {
  constructor(id: string) {
    super(
      'not-found',
      'log_entry_not_found',
      `There is no message ${id.slice(0, 40)} in the log; it may have been cleaned up`,
    );
  }
}

/** 409: rows are being deleted already. */
export class CleanupRunningError extends DomainError {
  constructor() {
    super('conflict', 'cleanup_running', 'The logs are being cleaned up already; try again when that is done');
  }
}

/** 409: nobody knows what is so many days old. */
export class ClockInDoubtError extends DomainError {
  constructor(reason: string) {
    super('conflict', 'clock_in_doubt', `${reason}, so that nobody knows how old a row is; say \`before\` instead`);
  }
}

/** 503: so many exports are under way that one more has to wait. */
export class TooManyExportsError extends DomainError {
  constructor() {
    super('unavailable', 'too_many_exports', 'Too many exports of the logs are under way; try again soon', {
      retryAfterSeconds: 30,
    });
  }
}
