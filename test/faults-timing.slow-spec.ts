import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder, stopProgram } from './support/built-program';
import { allRunning, type FaultProgram, insightInto, startFaultProgram } from './support/fault-program';
import { expectNoOrphan, expectSound, footprint } from './support/invariants';
import { waitUntil } from './support/process-tree';
import { ToolUnderTest } from './support/tool-under-test';

const PROGRAM = join(__dirname, 'support/faulty-mcp-server.mjs');
const MINUTE_MS = 60_000;

/** Figures for who reads the run. */
const tell = (text: string) => process.stdout.write(`${text}\n`);

describe('the times of the house as they really pass', () => {
  const folders: { path: string; remove: () => void }[] = [];
  afterAll(() => {
    for (const folder of folders) folder.remove();
  });

  /** A program of its own for one test, which ends with the invariants. */
  const within = async (work: (life: FaultProgram & { path: string }) => Promise<void>): Promise<void> => {
    const folder = scratchFolder();
    folders.push(folder);
    const insight = insightInto(folder.path);
    const life = await startFaultProgram(folder.path, { ...insight.env, MCP_HEALTH_INTERVAL: '5' });
    const first = await ToolUnderTest.create(life.send, { name: 'first-of-all' });
    await first.start();
    await first.remove();
    const before = footprint(life.program.pid);
    await work({ ...life, path: folder.path });
    // Garbage is no leak.
    await insight.look(life.program.pid);
    await expectSound(life.program, { origin: life.origin, dataDir: life.dataDir, before });
    expect(await stopProgram(life.program)).toBe(0);
    await expectNoOrphan(life.dataDir);
  };

  /** How long the tool waits after its nth failure in a row, in milliseconds. */
  const waitOf = async (tool: ToolUnderTest, restarts: number, timeoutMs: number): Promise<number> => {
    const status = await tool.until(
      `waits for restart ${restarts + 1}`,
      (now) => now.state === 'backoff' && now.restarts === restarts,
      timeoutMs,
    );
    return Date.parse(status.nextRetryAt) - Date.parse(status.lastExit.at);
  };

  it(
    'F1: the waits of a crash loop are 1, 2, 4, 8, 16 and 32 s, each with a jitter of 50 to 100 %, and then it has failed',
    () =>
      within(async (life) => {
        const tool = await ToolUnderTest.create(life.send, { name: 'loop', maxRetries: 6, flags: ['--exit', '1'] });
        await tool.start();
        const waits: number[] = [];
        for (let n = 0; n < 6; n++) waits.push(await waitOf(tool, n, 2 * MINUTE_MS));
        const failed = await tool.until('has failed', ({ state }) => state === 'failed', 2 * MINUTE_MS);
        expect(failed.lastError.message).toContain('gave up after 6 restarts in a row');
        tell(`F1: waits ${waits.join(', ')} ms`);
        for (const [n, waitMs] of waits.entries()) {
          expect(waitMs).toBeGreaterThanOrEqual(500 * 2 ** n);
          expect(waitMs).toBeLessThan(1_000 * 2 ** n + 1_500);
        }
        await tool.remove();
      }),
    5 * MINUTE_MS,
  );

  it(
    'F4: after 70 stable seconds the failures before are forgotten, and the next wait is that of the first',
    () =>
      within(async (life) => {
        const script = join(life.path, 'third-life.sh');
        const lives = join(life.path, 'lives');
        writeFileSync(
          script,
          [
            '#!/bin/sh',
            `echo x >> "${lives}"`,
            'after=100',
            `[ "$(wc -l < "${lives}")" -lt 3 ] || after=70000`,
            `exec "${process.execPath}" "${PROGRAM}" --after-init "exit:1@$after"`,
            '',
          ].join('\n'),
        );
        chmodSync(script, 0o700);
        const tool = await ToolUnderTest.create(life.send, {
          name: 'third-life',
          command: script,
          args: [],
          maxRetries: 5,
        });
        expect((await tool.start()).status).toBe(200);
        const waits = [
          await waitOf(tool, 0, MINUTE_MS),
          await waitOf(tool, 1, MINUTE_MS),
          await waitOf(tool, 2, 2 * MINUTE_MS),
        ];
        tell(`F4: waits ${waits.join(', ')} ms; the last after 70 stable seconds`);
        expect(waits[1]).toBeGreaterThanOrEqual(1_000);
        expect(waits[2]).toBeGreaterThanOrEqual(500);
        expect(waits[2]).toBeLessThan(2_000);
        await tool.remove();
      }),
    5 * MINUTE_MS,
  );

  it(
    'F32: a minute of suspension restarts nothing',
    () =>
      within(async (life) => {
        const tools = await Promise.all(
          [1, 2, 3, 4, 5].map((n) => ToolUnderTest.create(life.send, { name: `calm-${n}` })),
        );
        for (const tool of tools) expect((await tool.start()).status).toBe(200);
        const pids = await allRunning(life.send, tools.length);
        process.kill(life.program.pid, 'SIGSTOP');
        await new Promise((resolve) => setTimeout(resolve, MINUTE_MS)); // the fault itself
        process.kill(life.program.pid, 'SIGCONT');
        const until = performance.now() + 20_000;
        await waitUntil(
          async () => {
            const now = await Promise.all(tools.map((tool) => tool.status()));
            expect(now.map(({ state, restarts }) => [state, restarts])).toEqual(tools.map(() => ['running', 0]));
            return performance.now() > until;
          },
          { timeoutMs: MINUTE_MS, what: 'some health checks to have passed' },
        );
        expect(await allRunning(life.send, tools.length)).toEqual(pids);
        for (const tool of tools) await tool.remove();
      }),
    3 * MINUTE_MS,
  );

  it(
    'F20: a tool that reads nothing for half a minute is started anew, with its reason',
    () =>
      within(async ({ program, send }) => {
        const tool = await ToolUnderTest.create(send, { name: 'deaf', flags: ['--after-init', 'no-read'] });
        const { pid } = (await tool.start()).body;
        const memory = footprint(program.pid).memoryBytes;
        const text = 'x'.repeat(100_000);
        const answers = await Promise.all(Array.from({ length: 400 }, () => tool.call('echo', { text }, 60_000)));
        const reasons = new Set(answers.map(({ status, body }) => `${status} ${body.reason}`));
        expect([...reasons]).toEqual(['502 stdin_stuck']);
        expect(footprint(program.pid).memoryBytes - memory).toBeLessThan(400 * 1024 * 1024);
        const again = await tool.until('runs again', (now) => now.state === 'running' && now.pid !== pid, MINUTE_MS);
        expect(again.restarts).toBeGreaterThanOrEqual(1);
        expect(program.output()).toContain('stdin_stuck');
        await tool.remove();
      }),
    3 * MINUTE_MS,
  );
});
