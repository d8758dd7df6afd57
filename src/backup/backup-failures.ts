import { DomainError } from '../common/domain-error';
import type { Failure } from './backup-manifest';

const BY_CODE: readonly [RegExp, Failure][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL|53100)$/, { code: 'disk_full', message: 'There is no space left on the disk' }],
  [
    /^(EACCES|EPERM|EROFS|SQLITE_READONLY.*|SQLITE_CANTOPEN.*)$/,
    { code: 'not_writable', message: 'A folder or file can not be read or written: look at its permissions' },
  ],
  [/^ENOENT$/, { code: 'backup_dir_missing', message: 'A folder or file of the backup is gone' }],
  [/^(EIO|SQLITE_IOERR.*)$/, { code: 'disk_error', message: 'The disk has reported an error' }],
  [
    /^(ECONNREFUSED|ECONNRESET|08...|57P0[1-3])$/,
    { code: 'database_unavailable', message: 'The database does not answer' },
  ],
];

/** What users are told of a job that failed. What nobody has foreseen is in the log alone: it may name paths or statements. */
export function failureOf(error: unknown): Failure {
  if (error instanceof DomainError) return { code: error.code, message: error.message };
  const { code } = error as { code?: unknown };
  const known = typeof code === 'string' ? BY_CODE.find(([pattern]) => pattern.test(code)) : undefined;
  return known?.[1] ?? { code: 'unexpected', message: 'An unexpected error; the log has it' };
}
