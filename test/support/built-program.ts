/**
 * The built program (`npm run build` first) as its users run it: a process of its own with a data folder of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from './process-tree';

const MAIN = join(__dirname, '../../dist/src/main.js');

/** A start takes a second; on a machine that does ten other things many more. */
const START_LIMIT_MS = 60_000;

export interface BuiltProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All that it wrote on standard output and standard error so far. */
  output(): string;
  /** Resolves with http://host:port once it listens; rejects if it ends before. */
  listening(): Promise<string>;
  /** Resolves with its exit code, or the name of the signal that ended it. */
  exited: Promise<number | string>;
}

/** Those that live; a test that failed half-way leaves none behind. */
const started = new Set<ChildProcess>();

afterEach(async () => {
  for (const child of started) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
});

/** A working folder that is removed by `remove`. */
export function scratchFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'mcps-process-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Starts it in a folder, with PORT=0 and what `env` adds; nothing of our own configuration is handed on. */
export function startProgram(
  folder: string,
  env: Record<string, string | undefined> = {},
  args: string[] = [],
  /** Number of the user that it runs as; needs root. */
  user?: number,
  /** Another program around the built one. */
  main = MAIN,
): BuiltProgram {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [main, ...args], {
    cwd: folder,
    env: { PATH, HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  started.add(child);
  child.once('close', () => started.delete(child));
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  child.stderr.on('data', (data: Buffer) => (text += data.toString()));
  const exited = once(child, 'close').then(([code, signal]) => (code as number | null) ?? String(signal));
  return {
    child,
    pid: child.pid ?? -1,
    output: () => text,
    exited,
    listening: () =>
      waitUntil<string>(
        () => {
          const end = child.exitCode ?? child.signalCode;
          if (end !== null) throw new Error(`It ended with ${end}`);
          return /is listening on (http:\S+)/.exec(text)?.[1];
        },
        { timeoutMs: START_LIMIT_MS, what: 'the program to listen' },
      ).catch((cause: unknown) => {
        throw new Error(`${String(cause)}: ${whereabouts(child.pid)}\n${text}`, { cause });
      }),
  };
}

/** What a process has used and waits for, where Linux tells. */
function whereabouts(pid: number | undefined): string {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const waitsFor = readFileSync(`/proc/${pid}/wchan`, 'utf8');
    return `state ${fields[0]}, ${fields[11]} + ${fields[12]} ticks of CPU, in ${waitsFor}`;
  } catch {
    return 'nothing is known of it';
  }
}

/** Ends a program politely and waits for its end. */
export async function stopProgram(program: BuiltProgram): Promise<number | string> {
  program.child.kill('SIGTERM');
  return program.exited;
}

export type Api = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: any }>;

const PASSWORD = 'the password of a process test';

/** Logs in with the password of the first start and changes it; gives a fetch for the API. */
export async function firstLogin(origin: string, folder: string): Promise<Api> {
  const password = readFileSync(join(folder, 'data/initial-admin-password'), 'utf8').trim();
  const api = await login(origin, password);
  await api('PUT', '/auth/password', { currentPassword: password, newPassword: PASSWORD });
  return api;
}

/** Logs in with the password that `firstLogin` has set; gives a fetch for the API. */
export async function login(origin: string, password = PASSWORD): Promise<Api> {
  const { body } = await send(origin, 'POST', '/auth/login', { username: 'admin', password });
  const token = (body as { accessToken: string }).accessToken;
  return (method, path, given) => send(origin, method, path, given, token);
}

async function send(
  origin: string,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
): Promise<{ status: number; body: any }> {
  const response = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : JSON.parse(text) };
}
