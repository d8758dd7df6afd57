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
