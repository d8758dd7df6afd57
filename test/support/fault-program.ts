/**
 * The built program under faults: one life of it in a folder that outlives it, the administrator logged in.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type BuiltProgram, firstLogin, login, startProgram } from './built-program';
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
