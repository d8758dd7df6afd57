/**
 * The built program, killed again and again under load while somebody watches its events, and what is there afterwards.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { aTool } from './a-tool';
import { stopProgram } from './built-program';
import { readEvents, type ReceivedEvent } from './event-client';
import { startFaultProgram } from './fault-program';
import { waitUntil } from './process-tree';
import type { Send } from './tool-under-test';

/** The events of a log, and the route where its entries are found. */
const LOGS = { 'log.mcp': 'mcp', 'log.system': 'system', 'log.operation': 'operations' } as const;
type LogEvent = keyof typeof LOGS;

export interface Watched {
  /** Ids that events showed, in their order, over all lives. */
  shown: Record<LogEvent, string[]>;
  /** Ids that the log has in the end, in the order of the commits. */
  stored: Record<LogEvent, string[]>;
  /** Where entries could not be had again. */
  gaps: unknown[];
  /** Of the audit chain. */
  verdict: any;
}

/** Kills it so many times at random moments; each life takes the stream up where the one before was cut. */
export async function killWhileWatched(folder: string, kills: number): Promise<Watched> {
  const events: ReceivedEvent[] = [];
  let key = '';
  let lastEventId: string | undefined;
  for (let life = 0; life <= kills; life++) {
    const { program, origin, send } = await startFaultProgram(folder);
    if (life === 0) key = await prepare(send);
    const watcher = await readEvents(origin, { token: key, ...(lastEventId === undefined ? {} : { lastEventId }) });
    const load = putUnderLoad(send);
    await watcher.next('ready');
    if (life < kills) {
      await watcher.next('log.mcp', ({ target }) => target === 'echo');
      await pause(Math.random() * 800);
      program.child.kill('SIGKILL');
      await program.exited;
    } else await load.stop();
    await load.ended;
    if (life < kills) await watcher.ended;
    else await watcher.close();
    events.push(...watcher.events);
    lastEventId = watcher.lastId;
    if (life < kills) continue;
    const stored = { 'log.mcp': [], 'log.system': [], 'log.operation': [] } as Watched['stored'];
    for (const [event, log] of Object.entries(LOGS)) stored[event as LogEvent] = await allIds(send, log);
    const { body: verdict } = await send('GET', '/logs/operations/verify');
    await stopProgram(program);
    const shown = (event: LogEvent) =>
      events.filter((each) => each.event === event).map(({ data }) => data.id as string);
    return {
      shown: {
        'log.mcp': shown('log.mcp'),
        'log.system': shown('log.system'),
        'log.operation': shown('log.operation'),
      },
      stored,
      gaps: events.filter(({ event }) => event === 'gap'),
      verdict,
    };
  }
  throw new Error('There is always a last life');
}

/** Everything that was shown is there, once, in its order; nothing between two shown entries was left out. */
export function expectNothingLost({ shown, stored, gaps, verdict }: Watched): void {
  expect(gaps).toEqual([]);
  for (const event of Object.keys(LOGS) as LogEvent[]) {
    const ids = shown[event];
    const from = stored[event].indexOf(ids[0] ?? '');
    expect(ids.length).toBeGreaterThan(0);
    expect({ event, ids }).toEqual({ event, ids: stored[event].slice(from, from + ids.length) });
  }
  expect(verdict).toMatchObject({ valid: true, firstBroken: null });
}

async function prepare(send: Send): Promise<string> {
  await send('POST', '/tools', aTool({ name: 'busy', autoStart: true }));
  await waitUntil(async () => (await send('GET', '/tools/busy/status')).body.state === 'running', {
    what: 'the tool runs',
  });
  return (await send('POST', '/api-keys', { name: 'watcher', role: 'admin' })).body.key;
}

/** Several clients at once, until the program is gone or `stop` is called. */
function putUnderLoad(send: Send): { stop: () => Promise<void>; ended: Promise<void> } {
  let isOver = false;
  const client = async () => {
    while (!isOver) {
      // A refused connection, a tool that is not up yet: it is a program that is killed.
      await send('POST', '/tools/busy/call', { name: 'echo', arguments: { text: 'x'.repeat(200) } }).catch(() => {
        isOver = true;
      });
      await send('PATCH', '/tools/busy', { description: String(Math.random()) }).catch(() => undefined);
    }
  };
  const ended = Promise.all(Array.from({ length: 4 }, client)).then(() => undefined);
  return {
    ended,
    stop: () => {
      isOver = true;
      return ended;
    },
  };
}

async function allIds(send: Send, log: string): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: { body: any } = await send(
      'GET',
      `/logs/${log}?order=asc&limit=500${cursor && `&cursor=${cursor}`}`,
    );
    ids.push(...body.items.map(({ id }: { id: string }) => id));
    cursor = body.nextCursor;
  }
  return ids;
}
