import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { scratchFolder, startProgram, stopProgram } from './support/built-program';
import { allRunning, startFaultProgram } from './support/fault-program';
import { expectNoOrphan, expectSound, footprint } from './support/invariants';
import { groupMembers, waitUntil } from './support/process-tree';
import { ToolUnderTest } from './support/tool-under-test';

const PROGRAM = join(__dirname, 'support/faulty-mcp-server.mjs');

describe('MCPS.ONE itself in trouble', () => {
  const folders: { path: string; remove: () => void }[] = [];
  const fresh = (): string => {
    const folder = scratchFolder();
    folders.push(folder);
    return folder.path;
  };
  afterAll(() => {
    for (const folder of folders) folder.remove();
  });

  /** Runs before the program, in its process. */
  const preload = (path: string, code: string): Record<string, string> => {
    const file = join(path, 'preload.cjs');
    writeFileSync(file, code);
    return { NODE_OPTIONS: `--require=${file}` };
  };

  it('F32: restarts nothing after it was suspended for a while', async () => {
    const path = fresh();
    const { program, send, dataDir, origin } = await startFaultProgram(path, { MCP_HEALTH_INTERVAL: '1' });
    const tools: ToolUnderTest[] = [];
    for (const name of ['one', 'two', 'three']) {
      const tool = await ToolUnderTest.create(send, { name });
      expect((await tool.start()).status).toBe(200);
      tools.push(tool);
    }
    const pids = await allRunning(send, 3);
    const before = footprint(program.pid);
    process.kill(program.pid, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 5_000)); // the fault itself
    process.kill(program.pid, 'SIGCONT');
    // Longer than any health check takes to give up.
    const until = performance.now() + 4_000;
    await waitUntil(
      async () => {
        const now = await Promise.all(tools.map((tool) => tool.status()));
        expect(now.map(({ state, restarts }) => [state, restarts])).toEqual(tools.map(() => ['running', 0]));
        return performance.now() > until;
      },
      { what: 'some time to have passed' },
    );
    expect(await allRunning(send, 3)).toEqual(pids);
    expect((await fetch(`${origin}/health/live`)).status).toBe(200);
    for (const tool of tools) await tool.stop();
    await expectSound(program, { origin, dataDir, before });
    expect(await stopProgram(program)).toBe(0);
  });

  it.each([
    ['an exception that nobody catches', 'SIGUSR2', "() => { throw new Error('injected by a test') }"],
    ['a promise that nobody catches', 'SIGUSR2', "() => void Promise.reject(new Error('injected by a test'))"],
  ])('F33: logs %s and ends with 1, and no child is left', async (_, signal, handler) => {
    const path = fresh();
    const hook = preload(path, `process.on('${signal}', ${handler});`);
    const { program, send, dataDir } = await startFaultProgram(path, hook);
    const flags = ['--ignore-eof', '--ignore-term', '--fork'];
    for (const name of ['one', 'two']) await (await ToolUnderTest.create(send, { name, flags })).start();
    const pids = await allRunning(send, 2);
    program.child.kill(signal as NodeJS.Signals);
    expect(await program.exited).toBe(1);
    expect(program.output()).toContain('injected by a test');
    const log = readFileSync(join(path, 'logs/app.log'), 'utf8').split('\n');
    expect(log.findLast((line) => line.includes(' FATAL '))).toContain('injected by a test');
    await expectNoOrphan(dataDir, pids);
    // Whoever supervises us (systemd, say) starts us again, and all is as before.
    const next = await startFaultProgram(path);
    await allRunning(next.send, 2);
    const { body } = await next.send('GET', '/logs/operations?action=tool.start&outcome=success');
    expect(body.items).toHaveLength(2);
    next.program.child.kill('SIGTERM');
    next.program.child.kill('SIGTERM');
    expect(await next.program.exited).toBe(0);
  });

  it('F43: does not start a single tool when its port is in use', async () => {
    const path = fresh();
    const began = join(path, 'began');
    const script = join(path, 'tool.sh');
    // A shell is quick: it has written that it began before anybody could end it.
    writeFileSync(script, `echo x >> "${began}"\nexec "${process.execPath}" "${PROGRAM}"\n`);
    const first = await startFaultProgram(path);
    const tool = await ToolUnderTest.create(first.send, { name: 'eager', command: 'sh', args: [script] });
    expect((await tool.start()).status).toBe(200);
    expect(await stopProgram(first.program)).toBe(0);
    const starts = () => readFileSync(began, 'utf8').split('\n').length - 1;
    expect(starts()).toBe(1);

    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const second = startProgram(path, { PORT: String(port) });
    expect(await second.exited).toBe(3);
    expect(second.output()).toContain(`Port ${port} on 127.0.0.1 is in use`);
    server.close();
    expect(starts()).toBe(1);
    await expectNoOrphan(first.dataDir);
  });

  it('F44: with 64 open files at most it refuses what it cannot start, goes on answering, and starts it later', async () => {
    const path = fresh();
    const limit = preload(
      path,
      "require('node:child_process').execFileSync('prlimit', ['--pid', String(process.pid), '--nofile=64:64']);",
    );
    const { program, send, dataDir, origin } = await startFaultProgram(path, limit);
    expect(readFileSync(`/proc/${program.pid}/limits`, 'utf8')).toMatch(/^Max open files\s+64\s+64/m);
    const tools: ToolUnderTest[] = [];
    for (let n = 0; n < 16; n++) tools.push(await ToolUnderTest.create(send, { name: `tool-${n}`, maxRetries: 20 }));
    const answers = [];
    for (const tool of tools) answers.push(await tool.start());
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, body } of refused) {
      expect({ status, code: body.code }).toEqual({ status: 502, code: 'tool_start_failed' });
      expect(body.detail).toContain('EMFILE');
    }
    expect((await fetch(`${origin}/health/live`)).status).toBe(200);
    expect((await send('GET', '/tools')).status).toBe(200);
    // Room is made: those that wait for another try come up.
    const isUp = answers.map(({ status }) => status === 200);
    const waiting = tools.filter((_, n) => isUp[n] === false);
    for (const tool of tools.filter((_, n) => isUp[n] === true)) expect((await tool.stop()).status).toBe(200);
    const up = await waiting[0]?.until('comes up', ({ state }) => state === 'running');
    expect(groupMembers(up.pid)).toHaveLength(1);
    for (const tool of tools) await tool.stop();
    await expectNoOrphan(dataDir);
    expect(await stopProgram(program)).toBe(0);
  }, 120_000);
});
