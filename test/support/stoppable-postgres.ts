/**
 * A PostgreSQL that can be stopped as hard as `pg_ctl -m immediate stop` does, and started again on the same data and port.
 * What it has acknowledged is there afterwards, as of any server (only fsync is off: the machine itself does not fail).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findBinaries, freePort, unprivilegedUser } from './postgres-server';
import { waitUntil } from './process-tree';

const run = promisify(execFile);
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'max_connections=50'].flatMap((setting) => ['-c', setting]);

export interface StoppablePostgres {
  /** Of the database `postgres`. */
  readonly url: string;
  /** Every backend ends at once, in the middle of what it does. */
  stopHard(): Promise<void>;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function createStoppablePostgres(): Promise<StoppablePostgres> {
  const user = await unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'mcps-pg-'));
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid);
  const binaries = await findBinaries(folder, user);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } };
  await run(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'],
    options,
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server === null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
    server = null;
  };
  const killAtExit = () => void server?.kill('SIGQUIT');
  process.on('exit', killAtExit);
  return {
    url,
    stopHard: () => end('SIGQUIT'),
    async start() {
      const args = ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder, ...SETTINGS];
      server = spawn(join(binaries, 'postgres'), args, { ...options, stdio: 'ignore' });
      await waitUntil(() => answers(url), { what: 'PostgreSQL to take connections' });
    },
    async remove() {
      process.off('exit', killAtExit);
      await end('SIGQUIT');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}
