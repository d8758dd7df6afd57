import { QueryFailedError } from 'typeorm';
import { messageOf } from '../common/domain-error';
import { StartError } from '../common/start-error';
import type { DatabaseTarget } from '../config/database-url';

/** The database can't be used at the start. */
export class DatabaseUnusableError extends StartError {}

/** What the operator can do about each, by the beginning of SQLite's code. */
const SQLITE_ADVICE: readonly [code: RegExp, advice: string][] = [
  [/^SQLITE_FULL/, 'there is no space left on its disk: make room, and start again'],
  [
    /^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/,
    'it can not be written: see its owner and mode, and whether its file system is mounted read-only',
  ],
  [
    /^SQLITE_(NOTADB|CORRUPT)/,
    'it is damaged, or no database: put the right file back, or restore a backup (npm run backup:restore)',
  ],
  [/^SQLITE_(BUSY|LOCKED)/, 'another program holds it locked'],
  [/^SQLITE_IOERR/, 'its disk fails to read or write'],
];
const FILE_ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied to the user that MCPS.ONE runs as',
  EPERM: 'permission denied to the user that MCPS.ONE runs as',
  EROFS: 'its file system is mounted read-only',
  ENOSPC: 'there is no space left on its disk',
  EISDIR: 'it is a folder',
};
const POSTGRES_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name can not be resolved now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'its host can not be reached',
  '28P01': 'it refuses the password',
  '28000': 'it refuses the user',
  '3D000': 'it has no database of this name',
  '42501': 'the user may not do what is needed there',
  '53300': 'it has no connection left',
  '57P03': 'it is starting up, or shutting down',
  '25006': 'it is read-only: a standby?',
};

/** An error of opening as the operator should read it; one that says it already, or a bug of ours, stays as it is. */
export function explainOpening(error: unknown, target: DatabaseTarget): unknown {
  const failed: unknown = error instanceof QueryFailedError ? error.driverError : error;
  const code = codeOf(failed);
  const advice = target.type === 'sqlite' ? sqliteAdvice(code) : postgresAdvice(code, failed);
  if (advice === null) return error;
  return new DatabaseUnusableError(`The database ${nameOf(target)} can't be used: ${advice}${detail(code)}.`, {
    cause: error,
  });
}

function sqliteAdvice(code: string): string | null {
  return SQLITE_ADVICE.find(([pattern]) => pattern.test(code))?.[1] ?? FILE_ADVICE[code] ?? null;
}

function postgresAdvice(code: string, error: unknown): string | null {
  const known = POSTGRES_ADVICE[code];
  if (known !== undefined) return known;
  return /timeout|terminated/i.test(messageOf(error)) ? 'it does not answer' : null;
}

function detail(code: string): string {
  return code === '' ? '' : ` (${code})`;
}

/** Never with the password. */
function nameOf(target: DatabaseTarget): string {
  if (target.type === 'sqlite') return target.file;
  const { host, pathname } = new URL(target.url);
  return `${pathname.slice(1)} at ${host}`;
}

/** Several addresses that were tried come as one error with many in it. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  return Array.isArray(errors) ? codeOf(errors[0]) : '';
}
