import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultTests, footprint, markerOf, zombiesOf } from './support/invariants';
import { groupMembers, livingProcesses, waitUntil } from './support/process-tree';

const PROGRAM = join(__dirname, 'support/faulty-mcp-server.mjs');

describe('a tool that dies, or will not', () => {
  const faults = faultTests();
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-faults-dying-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** A folder in which `npx faulty` finds the program without asking any registry. */
  const packageFolder = (): string => {
    const bin = join(scratch, 'package/node_modules/.bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'faulty'), `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" "$@"\n`, { mode: 0o755 });
    return join(scratch, 'package');
  };
  const marked = (toolId: string) => livingProcesses(`${markerOf(faults.app.dataDir)}${toolId}`);

  it.each([
    ['an exit code', 'exit:9', 'code 9', { code: 9, signal: null }],
    ['a signal', 'signal:SIGKILL', 'SIGKILL', { code: null, signal: 'SIGKILL' }],
  ])(
    'F3: fails its calls in flight at once when it ends by %s, and is started anew',
    async (what, fault, said, exit) => {
      const name = `dies-by-${what.replaceAll(' ', '-')}`;
      const tool = await faults.tool({ name, timeoutMs: 60_000, flags: ['--in-call', `mute,${fault}@300`] });
      const { pid } = (await tool.start()).body;
      const calls = await Promise.all([1, 2, 3].map((n) => tool.call('echo', { text: String(n) })));
      // Not `tool_timeout`, which is how they would end later.
      for (const { status, body } of calls) {
        expect({ status, code: body.code }).toEqual({ status: 502, code: 'tool_connection_lost' });
        expect(body.detail).toContain(name);
        expect(body.detail).toContain(said);
      }
      const again = await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
      expect(again).toMatchObject({ restarts: 1, lastExit: exit });
    },
  );

  it('F3: is started anew when it ends by itself just after the handshake', async () => {
    const tool = await faults.tool({ name: 'dies-soon', flags: ['--after-init', 'exit:3@50'] });
    await tool.start();
    const down = await faults.seen(tool, 'waits for another try', ({ state }) => state === 'backoff');
    expect(down).toMatchObject({ lastExit: { code: 3 }, lastError: { message: expect.stringContaining('code 3') } });
  });

  it('F8, F9: is killed with all of its group when it ignores every polite request, also under npx', async () => {
    const flags = ['--ignore-eof', '--ignore-term', '--at-start', 'members:2,anonymous-member'];
    const tools = await Promise.all([
      faults.tool({ name: 'stubborn', flags }),
      faults.tool({
        name: 'stubborn-npx',
        command: 'npx',
        args: ['--no-install', 'faulty', ...flags],
        cwd: packageFolder(),
        startTimeoutMs: 60_000,
      }),
    ]);
    const pids = (await Promise.all(tools.map((tool) => tool.start()))).map(({ body }) => body.pid as number);
    expect(pids.map((pid) => groupMembers(pid).length > 3)).toEqual([true, true]);
    const began = performance.now();
    for (const { body } of await Promise.all(tools.map((tool) => tool.stop()))) {
      expect(body).toMatchObject({ state: 'stopped', pid: null });
    }
    // 3 s after the end of input SIGTERM, 5 s later SIGKILL; the rest is for a busy machine.
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(pids.flatMap(groupMembers)).toEqual([]);
  });

  it('F10: takes the daemon along that left its session, at a stop and at a crash', async () => {
    const tool = await faults.tool({ name: 'daemonic', flags: ['--after-init', 'daemon', '--in-call', 'exit:1'] });
    await tool.start();
    await waitUntil(() => marked(tool.id).length === 2, { what: 'the daemon to live' });
    const before = marked(tool.id);
    await tool.call('echo', { text: 'x' });
    await tool.until('runs again', ({ state, restarts }) => state === 'running' && restarts === 1);
    await waitUntil(() => marked(tool.id).length === 2, { what: 'the next daemon to live' });
    expect(marked(tool.id).filter((pid) => before.includes(pid))).toEqual([]);
    expect((await tool.stop()).body.state).toBe('stopped');
    expect(marked(tool.id)).toEqual([]);
  });

  it('F11: comes to rest soon although a daemon holds its pipes open', async () => {
    const tool = await faults.tool({
      name: 'held-open',
      flags: ['--after-init', 'loud-daemon', '--in-call', 'exit:2'],
    });
    const { pid } = (await tool.start()).body;
    await waitUntil(() => marked(tool.id).length === 2, { what: 'the daemon to live' });
    const began = performance.now();
    expect((await tool.call('echo', { text: 'x' })).body).toMatchObject({ code: 'tool_connection_lost' });
    await tool.until('has left `stopping`', ({ state }) => state === 'backoff' || state === 'running');
    // The cap is 2 s; the rest is for a busy machine. The daemon lives for ten minutes.
    expect(performance.now() - began).toBeLessThan(30_000);
    await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
    expect((await tool.stop()).body.state).toBe('stopped');
    expect(marked(tool.id)).toEqual([]);
  });

  it('F24: names the signal that ended it, and leaves no core file behind', async () => {
    const cwd = join(scratch, 'cwd');
    mkdirSync(cwd);
    const tool = await faults.tool({ name: 'segfault', cwd, flags: ['--in-call', 'signal:SIGSEGV'] });
    const { pid } = (await tool.start()).body;
    const { body } = await tool.call('echo', { text: 'x' });
    expect(body.detail).toContain('SIGSEGV');
    const again = await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
    expect(again.lastExit).toMatchObject({ code: null, signal: 'SIGSEGV' });
    process.kill(again.pid, 'SIGSEGV');
    const down = await faults.seen(tool, 'has seen the second', (status) => {
      return status.state === 'backoff' && status.restarts === 1;
    });
    expect(down.lastError?.message).toContain('SIGSEGV');
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('F35: leaves no zombie and no open file, however often it is started and fails', async () => {
    const tool = await faults.tool({ name: 'again-and-again', restartPolicy: 'never', flags: ['--exit', '1'] });
    await tool.start();
    const before = footprint();
    for (let n = 0; n < 20; n++) await tool.start();
    expect(zombiesOf(process.pid)).toEqual([]);
    expect(footprint().files).toBeLessThanOrEqual(before.files + 26);
  });
});
