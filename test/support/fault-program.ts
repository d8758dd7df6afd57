/**
 * The built program under faults: one life of it in a folder that outlives it, the administrator logged in.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuiltProgram, firstLogin, login, startProgram } from './built-program';
import { residentBytes } from './invariants';
import { waitUntil } from './process-tree';
import type { Send } from './tool-under-test';

export interface FaultProgram {
  readonly program: BuiltProgram;
  readonly origin: string;
  readonly dataDir: string;
  readonly send: Send;
}

/** Starts it and logs in, for the first time or again. */
export async function startFaultProgram(path: string, env: Record<string, string> = {}): Promise<FaultProgram> {
  const program = startProgram(path, env);
  const origin = await program.listening();
  const isFirst = existsSync(join(path, 'data/initial-admin-password'));
  const send = isFirst ? await firstLogin(origin, path) : await login(origin);
  return { program, origin, dataDir: join(path, 'data'), send };
}

/** The states of all tools, by their names. */
export async function statesOf(send: Send): Promise<Record<string, string>> {
  const { body } = await send('GET', '/tools?limit=500');
  return Object.fromEntries(body.items.map((tool: any) => [tool.name, tool.status.state]));
}

/** Resolves with the pids of so many tools, once all run. */
export function allRunning(send: Send, count: number, timeoutMs = 60_000): Promise<number[]> {
  return waitUntil(
    async () => {
      const { body } = await send('GET', '/tools?limit=500');
      const running = body.items.filter((tool: any) => tool.status.state === 'running');
      if (running.length < count) throw new Error(JSON.stringify(await statesOf(send)));
      return running.map((tool: any) => tool.status.pid as number);
    },
    { timeoutMs, what: `${count} tools run` },
  );
}

/** What the program knows of itself. */
export interface Insight {
  /** Resident bytes without garbage. */
  memoryBytes: number;
  /** How late its event loop was since the last look: the 99th percentile, in milliseconds. */
  loopDelayMs: number;
}

const HOOK = `
  require('node:v8').setFlagsFromString('--expose-gc');
  const collect = require('node:vm').runInNewContext('gc');
  const delay = require('node:perf_hooks').monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  process.on('SIGUSR2', () => {
    const loopDelayMs = delay.percentile(99) / 1e6;
    collect();
    setTimeout(() => {
      collect();
      delay.reset();
      require('node:fs').appendFileSync(process.env.INSIGHTS, loopDelayMs + '\\n');
    }, 200);
  });
`;

/** Lets the program tell of itself: `env` is for its start, `look` for later. */
export function insightInto(path: string): { env: Record<string, string>; look: (pid: number) => Promise<Insight> } {
  const [hook, told] = [join(path, 'insight.cjs'), join(path, 'insights')];
  writeFileSync(hook, HOOK);
  const lines = () => (existsSync(told) ? readFileSync(told, 'utf8').split('\n').slice(0, -1) : []);
  return {
    env: { NODE_OPTIONS: `--require=${hook}`, INSIGHTS: told },
    async look(pid) {
      const before = lines().length;
      process.kill(pid, 'SIGUSR2');
      await waitUntil(() => lines().length > before, { what: 'the program to tell of itself' });
      return { memoryBytes: residentBytes(pid), loopDelayMs: Number(lines().at(-1)) };
    },
  };
}
