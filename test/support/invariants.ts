/**
 * What holds at the end of every test of the fault catalogue (docs/faults.md), whatever the fault was:
 *
 *   I1  no process is left over: neither one that carries our marker nor a member of a group that we started
 *   I2  MCPS.ONE lives, and /health/live says so
 *   I3  nothing was thrown that nobody caught (in this process Jest fails the test; the program would end with 1)
 *   I4  as many files are open as before, and the memory is back
 *   I5  every command has its row in the operation log
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolSnapshot } from '../../src/supervisor/tool-snapshot';
import type { BuiltProgram } from './built-program';
import { groupMembers, livingProcesses, waitUntil } from './process-tree';
import { type SeenStatus, StatusHistory } from './status-history';
import { startTestApp, type TestApp, type TestAppOptions } from './test-app';
import { type FaultyTool, type Send, ToolUnderTest } from './tool-under-test';

/** Files that come and go by themselves: the threads of the logs begin and end as they are needed, with eight files each. */
const SPARE_FILES = 26;
/** What a heap may keep for later. */
export const SPARE_MEMORY_BYTES = 48 * 1024 * 1024;

export interface Footprint {
  /** Open files and pipes; TCP connections come and go with the requests of the test. */
  files: number;
  memoryBytes: number;
}

export function footprint(pid: number = process.pid): Footprint {
  return { files: openFiles(pid).length, memoryBytes: residentBytes(pid) };
}

function openFiles(pid: number): string[] {
  const tcp = new Set([...tcpInodes(pid, 'tcp'), ...tcpInodes(pid, 'tcp6')]);
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      return inode !== undefined && tcp.has(inode) ? [] : [target];
    } catch {
      return []; // closed since it was listed
    }
  });
}

/** A connection that was closed has no inode there, but no descriptor either. */
function tcpInodes(pid: number, kind: 'tcp' | 'tcp6'): string[] {
  const rows = readFileSync(`/proc/${pid}/net/${kind}`, 'latin1').trim().split('\n').slice(1);
  return rows.map((row) => row.trim().split(/\s+/)[9] ?? '');
}

export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
}

/** The marker that the children of the MCPS.ONE with this data folder carry. */
export function markerOf(dataDir: string): string {
  return `MCPS_INSTANCE=${readFileSync(join(dataDir, 'installation-id'), 'utf8').split(' ')[0] ?? ''}:`;
}

/** Children that have ended and whom nobody has asked how. */
export function zombiesOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' && Number(ppid) === parent;
      } catch {
        return false; // no process, or ended meanwhile
      }
    });
}

/** I1, a moment later: pipes are closed after their process has gone. `groups`: those that were started, by their leaders' pids. */
export async function expectNoOrphan(dataDir: string, groups: Iterable<number> = []): Promise<void> {
  const marker = markerOf(dataDir);
  const left = () => [...livingProcesses(marker), ...[...groups].flatMap(groupMembers)];
  await waitUntil(() => left().length === 0, { what: 'I1: no process is left over' });
}

/** I4, of a process that may be in the middle of letting go. */
export async function expectFootprintOf(pid: number, before: Footprint, checked: (keyof Footprint)[]): Promise<void> {
  const most = {
    files: before.files * 1.1 + SPARE_FILES,
    memoryBytes: before.memoryBytes * 1.1 + SPARE_MEMORY_BYTES,
  };
  await waitUntil(
    () => {
      const now = footprint(pid);
      const over = checked.filter((what) => now[what] > most[what]);
      if (over.length > 0) throw new Error(`${JSON.stringify({ before, now })}\n${openFiles(pid).join('\n')}`);
      return true;
    },
    { what: `I4: ${checked.join(' and ')} are back` },
  );
}

/** I5. */
export async function expectOperations(send: Send, tool: ToolUnderTest): Promise<void> {
  const { body } = await send('GET', `/logs/operations?targetId=${tool.id}&limit=500`);
  const logged: string[] = body.items.map((row: { action: string }) => row.action);
  const missing = [...tool.commands];
  for (const action of logged) if (missing.includes(action)) missing.splice(missing.indexOf(action), 1);
  expect({ tool: tool.name, withoutRow: missing }).toEqual({ tool: tool.name, withoutRow: [] });
}

export interface FaultTests {
  readonly app: TestApp;
  readonly send: Send;
  /** The first status that a tool has had, or will have, that is as wanted. */
  seen(tool: ToolUnderTest, what: string, isSo: (status: ToolSnapshot) => boolean): Promise<SeenStatus>;
  /** Creates one; it is deleted after the test. */
  tool(tool: FaultyTool): Promise<ToolUnderTest>;
}

/** The application for the tests of one file; after each of them its tools are deleted and the invariants checked. */
export function faultTests(options: TestAppOptions = {}): FaultTests {
  let app: TestApp;
  let before: Footprint;
  let tools: ToolUnderTest[] = [];
  let history: StatusHistory;
  const send: Send = (method, path, body) => app.request(method, path, { body });

  beforeAll(async () => {
    app = await startTestApp(options);
    history = new StatusHistory(app);
    // What the first tool of all opens for good (the guard) is no leak.
    const first = await ToolUnderTest.create(send, { name: 'first-of-all' });
    await first.start();
    await first.remove();
  });
  afterAll(() => app.stop());
  beforeEach(() => {
    tools = [];
    before = footprint();
  });
  afterEach(async () => {
    const gone = await Promise.all(tools.map((tool) => tool.remove()));
    expect(gone.map(({ status }) => status)).toEqual(tools.map(() => 204));
    const groups = app.log.flatMap(({ data }) => (typeof data?.pid === 'number' ? [data.pid] : []));
    await expectNoOrphan(app.dataDir, groups);
    expect(zombiesOf(process.pid)).toEqual([]);
    expect((await app.get('//health/live')).status).toBe(200);
    await expectFootprintOf(process.pid, before, ['files']);
    for (const tool of tools) await expectOperations(send, tool);
  });

  return {
    get app() {
      return app;
    },
    send,
    seen: (tool, what, isSo) => history.seen(tool.id, `${tool.name} ${what}`, isSo),
    async tool(given) {
      const tool = await ToolUnderTest.create(send, given);
      tools.push(tool);
      return tool;
    },
  };
}

/** I1 to I4 of the built program while it runs, its tools stopped. */
export async function expectSound(
  program: BuiltProgram,
  { origin, dataDir, before }: { origin: string; dataDir: string; before: Footprint },
): Promise<void> {
  await expectNoOrphan(dataDir);
  expect(zombiesOf(program.pid)).toEqual([]);
  expect(program.child.exitCode).toBeNull();
  expect((await fetch(`${origin}/health/live`)).status).toBe(200);
  expect(program.output()).not.toMatch(/unexpected error|uncaught|unhandled/i);
  await expectFootprintOf(program.pid, before, ['files', 'memoryBytes']);
}
