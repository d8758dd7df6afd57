/** The whole program under load, killed with SIGKILL again and again: what its API has shown, and what is there afterwards. */
import { setTimeout as pause } from 'node:timers/promises';
import { aTool } from './a-tool';
import { stopProgram } from './built-program';
import { allRunning, startFaultProgram } from './fault-program';
import type { Send } from './tool-under-test';

const LOGS = ['mcp', 'operations', 'system'] as const;
type Log = (typeof LOGS)[number];

const CALLERS = 4;

export interface Aftermath {
  /** How often it was killed while it was asked. */
  kills: number;
  /** Entries that an answer has shown before a kill, by log. */
  shown: Record<Log, number>;
  /** Of those: not there any more, or not as they were shown. */
  missing: string[];
  changed: string[];
  /** Ids that are there twice. */
  twice: string[];
  /** Calls that were answered with 200 and have no row of success in the operation log. */
  unaudited: number;
  verdict: { valid: boolean; checked: number };
  /** Rows of messages that are stored, and those that the statistics count. */
  messages: { stored: number; counted: number };
}

export async function killUnderLoad(path: string, env: Record<string, string>, rounds: number): Promise<Aftermath> {
  const settings = { RATE_LIMIT_PER_MINUTE: '0', AUTH_RATE_LIMIT_PER_MINUTE: '0', ...env };
  const shown: Record<Log, Map<string, string>> = { mcp: new Map(), operations: new Map(), system: new Map() };
  let answered = 0;
  let kills = 0;
  for (let round = 0; round < rounds; round++) {
    const { program, send } = await startFaultProgram(path, settings);
    if (round === 0) await send('POST', '/tools', aTool({ name: 'loaded', autoStart: true }));
    await allRunning(send, 1);
    let isOver = false;
    const untilKilled = async (work: () => Promise<void>) => {
      // Whoever asks while it is killed gets no answer.
      while (!isOver) await work().catch(() => undefined);
    };
    const load = Array.from({ length: CALLERS }, (_, caller) =>
      untilKilled(async () => {
        const text = `${round}-${caller}-${answered}`;
        const { status } = await send('POST', '/tools/loaded/call', { name: 'echo', arguments: { text } });
        if (status === 200) answered++;
      }),
    );
    const watch = LOGS.map((log) =>
      untilKilled(async () => {
        const { status, body } = await send('GET', `/logs/${log}?limit=50`);
        if (status === 200) for (const entry of body.items) shown[log].set(entry.id, JSON.stringify(entry));
      }),
    );
    await pause(200 + Math.random() * 1_000);
    program.child.kill('SIGKILL');
    await program.exited;
    isOver = true;
    await Promise.all([...load, ...watch]);
    kills++;
  }
  return examine(path, settings, { shown, answered, kills });
}

async function examine(
  path: string,
  env: Record<string, string>,
  { shown, answered, kills }: { shown: Record<Log, Map<string, string>>; answered: number; kills: number },
): Promise<Aftermath> {
  const { program, send, origin } = await startFaultProgram(path, env);
  await allRunning(send, 1);
  await send('POST', '/tools/loaded/stop');
  const token = await tokenOf(send);
  const there = {} as Record<Log, Map<string, string>>;
  const twice: string[] = [];
  for (const log of LOGS) {
    there[log] = new Map();
    for (const line of await exportOf(origin, token, log)) {
      const { id } = JSON.parse(line) as { id: string };
      if (there[log].has(id)) twice.push(`${log} ${id}`);
      there[log].set(id, line);
    }
  }
  const entries = LOGS.flatMap((log) => [...shown[log]].map(([id, text]) => ({ log, id, text })));
  const { body: verdict } = await send('GET', '/logs/operations/verify');
  const from = new Date(Date.now() - 7_200_000).toISOString();
  const { body: stats } = await send('GET', `/logs/stats?from=${from}`);
  const operations = [...there.operations.values()].map(
    (line) => JSON.parse(line) as { action: string; outcome: string },
  );
  const audited = operations.filter(({ action, outcome }) => action === 'tool.call' && outcome === 'success').length;
  await stopProgram(program);
  return {
    kills,
    shown: { mcp: shown.mcp.size, operations: shown.operations.size, system: shown.system.size },
    missing: entries.filter(({ log, id }) => !there[log].has(id)).map(({ log, id }) => `${log} ${id}`),
    changed: entries
      .filter(({ log, id, text }) => there[log].has(id) && there[log].get(id) !== text)
      .map(({ log, id }) => `${log} ${id}`),
    twice,
    unaudited: Math.max(0, answered - audited),
    verdict,
    messages: { stored: there.mcp.size, counted: stats.mcp.total },
  };
}

/** A key: exports are no JSON, which is all that `send` reads. */
async function tokenOf(send: Send): Promise<string> {
  const { body } = await send('POST', '/api-keys', { name: `aftermath ${Date.now()}`, role: 'viewer' });
  return String(body.key);
}

async function exportOf(origin: string, token: string, log: Log): Promise<string[]> {
  const answer = await fetch(`${origin}/api/v1/logs/${log}/export`, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) throw new Error(`No export: ${answer.status} ${await answer.text()}`);
  return (await answer.text()).split('\n').filter((line) => line !== '');
}
