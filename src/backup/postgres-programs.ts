import { execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { BackupFailedError, BackupRefusedError } from './backup.errors';

const run = promisify(execFile);
const ASK_LIMIT_MS = 10_000;
const LAST_WORDS_BYTES = 4_000;

/** PostgreSQL's own tools, as they are on the PATH. */
export interface PostgresPrograms {
  dump: string;
  restore: string;
  /** Major version of the older one of the two. */
  major: number;
}

/** pg_dump and pg_restore, or null where they are not both there. */
export async function findPostgresPrograms(path: string): Promise<PostgresPrograms | null> {
  const [dump, restore] = [lookUp('pg_dump', path), lookUp('pg_restore', path)];
  if (dump === null || restore === null) return null;
  const majors = await Promise.all([dump, restore].map(majorOf));
  const [a, b] = majors;
  return a === null || b === null || a === undefined || b === undefined
    ? null
    : { dump, restore, major: Math.min(a, b) };
}

function lookUp(name: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not here.
    }
  }
  return null;
}

async function majorOf(program: string): Promise<number | null> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: ASK_LIMIT_MS });
    const major = /(\d+)(?:\.\d+)*/.exec(stdout.replace(/^.*\(PostgreSQL\)/, ''))?.[1];
    return major === undefined ? null : Number(major);
  } catch {
    return null;
  }
}

/** Told of the process that was started, so that somebody can end it. */
export type OnChild = (pid: number) => void;

/** Writes the archive of a database, of exactly the snapshot that another connection holds. */
export async function dumpDatabase(
  programs: PostgresPrograms,
  given: { url: string; snapshot: string; file: string; withoutRowsOf: readonly string[] },
  onChild: OnChild,
): Promise<void> {
  const { url, snapshot, file, withoutRowsOf } = given;
  // Not packed: that is done with the rest. No owners: the role that restores has them all.
  const args = ['--format=custom', '--compress=0', '--no-owner', '--no-privileges', '--no-password'];
  args.push(
    `--snapshot=${snapshot}`,
    `--file=${file}`,
    ...withoutRowsOf.map((table) => `--exclude-table-data=${table}`),
  );
  const words = await execute(programs.dump, args, url, onChild);
  if (words !== null) throw new BackupFailedError('pg_dump_failed', `pg_dump failed: ${lastLine(words)}`);
}

/** Fills an empty database from an archive, all or nothing. @throws BackupRefusedError */
export async function restoreArchive(
  programs: PostgresPrograms,
  given: { url: string; file: string },
  onChild: OnChild,
): Promise<void> {
  const args = ['--no-owner', '--no-privileges', '--no-password', '--exit-on-error', '--single-transaction'];
  const words = await execute(programs.restore, [...args, given.file], given.url, onChild);
  if (words !== null) throw new BackupRefusedError('backup_content_invalid', `pg_restore: ${lastLine(words)}`);
}

/** Null when it ended well, else its last words. */
function execute(program: string, args: string[], url: string, onChild: OnChild): Promise<string | null> {
  const password = decodeURIComponent(new URL(url).password);
  const child = spawn(program, [`--dbname=${withoutPassword(url)}`, ...args], {
    // A password in an argument could be read by everybody on the machine.
    env: { LC_ALL: 'C', ...(password === '' ? {} : { PGPASSWORD: password }), PGCONNECT_TIMEOUT: '10' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (child.pid !== undefined) onChild(child.pid);
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS_BYTES)));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve(code === 0 ? null : words.trim() || `it ended with ${signal ?? code}`);
    });
  });
}

function withoutPassword(url: string): string {
  const bare = new URL(url);
  bare.password = '';
  // A parameter of the Node.js driver alone.
  bare.searchParams.delete('ssl');
  return bare.href;
}

function lastLine(words: string): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error:/i.test(line)) ?? lines.at(-1) ?? words).slice(0, 300);
}
