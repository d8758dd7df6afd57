import { DomainError } from '../common/domain-error';

/** Why a file is no backup that this installation can use; each with its own code and its own sentence. */
export const REFUSALS = {
  backup_foreign: 'This is no backup of MCPS.ONE: it does not begin as one',
  backup_format_newer: 'The backup has a format that this version does not know: a newer MCPS.ONE has made it',
  backup_header_invalid: 'The head of the backup is damaged or says what can not be',
  backup_truncated: 'The backup ends too early: it was cut off, or is still being copied',
  backup_corrupt: 'The backup is damaged, or somebody has changed it: a part of it does not match its seal',
  backup_trailing_data: 'There is something behind the end of the backup',
  backup_wrong_key: 'The backup was made under another SECRET_KEY',
  backup_bomb: 'The backup would grow to more than it says, or to more than any real one',
  backup_too_large: 'The backup is larger than what is accepted, or than the disk has room for',
  backup_compression_unknown:
    'The backup is packed with zstd, which this version of Node.js does not have (22.15 does)',
  backup_other_database: 'The backup is of the other kind of database',
  backup_schema_newer: 'The backup is of a newer MCPS.ONE: it has migrations that this version does not know',
  backup_content_invalid: 'What is in the backup is no sound database of MCPS.ONE',
  backup_content_mismatch: 'What is in the backup is not what it says: rows are missing, or there are too many',
  backup_file_missing: 'The file of the backup is gone',
  backup_not_a_file: 'In the place of the file there is something else: a link, or a folder',
  backup_changed: 'The file is not the one that was made: its checksum is another one',
  backup_manifest_invalid: 'The manifest beside the file is damaged, or belongs to another one',
} as const;

export type RefusalCode = keyof typeof REFUSALS;

/** 422: a file that is not restored, and why. Nothing of the live data has been touched. */
export class BackupRefusedError extends DomainError {
  constructor(
    readonly refusal: RefusalCode,
    detail?: string,
    cause?: unknown,
  ) {
    super('unprocessable', refusal, detail === undefined ? REFUSALS[refusal] : `${REFUSALS[refusal]}: ${detail}`, {
      cause,
    });
  }
}

export class BackupNotFoundError extends DomainError {
  constructor() {
    super('not-found', 'backup_not_found', 'There is no such backup');
  }
}

/** 409: one job at a time. */
export class BackupBusyError extends DomainError {
  constructor(what: string) {
    super('conflict', 'backup_busy', `${what}; one at a time: try again when it is done`, { retryAfterSeconds: 10 });
  }
}

export class BackupNotReadyError extends DomainError {
  constructor(state: string) {
    super('conflict', 'backup_not_completed', `This backup is ${state}: there is no file to use`);
  }
}

/** A backup or a restore could not be made; `code` says why. */
export class BackupFailedError extends DomainError {
  constructor(code: string, message: string, cause?: unknown) {
    super('unavailable', code, message, { cause });
  }
}
