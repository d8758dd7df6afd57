import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { mostAtOnce } from './support/fault-diary';
import { faultTests, markerOf } from './support/invariants';
import { livingProcesses, waitUntil } from './support/process-tree';

const MIB = 1024 * 1024;
/** How many tools crash together here; 100 of them do in the slow suite. */
const MANY = 12;

describe('a tool that is no good any more', () => {
  const faults = faultTests({ env: { MCP_HEALTH_INTERVAL: '1' } });

  it('F22: is started anew before it eats the memory of the machine, and says why', async () => {
    const other = await faults.tool({ name: 'modest', memoryLimitBytes: 512 * MIB });
    await other.start();
    const tool = await faults.tool({
      name: 'leaking',
      memoryLimitBytes: 150 * MIB,
      flags: ['--after-init', 'leak:20'],
    });
    const { pid } = (await tool.start()).body;
    const down = await tool.until('is taken down', (status) => status.pid !== pid && status.lastExit !== null);
    const said = down.lastError ?? (await waitForError(tool.name));
    expect(JSON.stringify(said)).toMatch(/memory/i);
    const again = await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
    expect(again.restarts).toBeGreaterThanOrEqual(1);
    expect(await other.status()).toMatchObject({ state: 'running', restarts: 0 });
  }, 120_000);

  it('F23: is killed and started anew when it hears nothing any more (SIGSTOP), and the others are left alone', async () => {
    const other = await faults.tool({ name: 'healthy' });
    await other.start();
    const tool = await faults.tool({ name: 'frozen', timeoutMs: 2_000, startTimeoutMs: 60_000 });
    const { pid } = (await tool.start()).body;
    process.kill(pid, 'SIGSTOP');
    const again = await tool.until('runs again', (status) => status.state === 'running' && status.pid !== pid);
    expect(again.restarts).toBeGreaterThanOrEqual(1);
    expect(again.lastExit).toMatchObject({ signal: 'SIGKILL' });
    expect(await other.status()).toMatchObject({ state: 'running', restarts: 0 });
  });

  /** The last warning of the log about a tool, where its status has forgotten it by now. */
  const waitForError = (name: string) =>
    waitUntil(() => faults.app.log.findLast(({ data, level }) => data?.['tool'] === name && level === 'warn'), {
      what: 'a warning about it',
    });
});

describe('many commands, and many tools', () => {
  const faults = faultTests();
  const scratch = mkdtempSync(join(tmpdir(), 'mcps-faults-state-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('F26: ends as it was wished last after 50 commands at once, with one process or none', async () => {
    const tool = await faults.tool({ name: 'pulled-about' });
    const command = fc.constantFrom('start', 'stop', 'restart');
    const marker = `${markerOf(faults.app.dataDir)}${tool.id}`;
    for (const commands of fc.sample(fc.array(command, { minLength: 50, maxLength: 50 }), 2)) {
      const answers = await Promise.all(commands.map((one) => tool[one]()));
      expect([commands, answers.filter(({ status }) => ![200, 409].includes(status))]).toEqual([commands, []]);
      const { desired } = await tool.status();
      const wished = desired === 'running' ? 'running' : 'stopped';
      const { pid } = await tool.until(`is ${wished} after ${commands.join(' ')}`, ({ state }) => state === wished);
      expect(livingProcesses(marker)).toEqual(pid === null ? [] : [pid]);
    }
    expect((await tool.start()).body.state).toBe('running');
  });

  it(`F29: ${MANY} tools that crash together start again four at a time at most, while the API answers`, async () => {
    const diary = join(scratch, 'diary');
    const flags = ['--diary', diary, '--slow-init', '150'];
    const tools = await Promise.all(Array.from({ length: MANY }, (_, n) => faults.tool({ name: `falls-${n}`, flags })));
    await Promise.all(tools.map((tool) => tool.start()));
    const pids = await Promise.all(tools.map(async (tool) => (await tool.status()).pid as number));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await Promise.all(
      tools.map((tool) => tool.until('runs again', ({ state, restarts }) => state === 'running' && restarts === 1)),
    );
    const lines = readFileSync(diary, 'utf8');
    expect(lines.match(/^ready /gm)).toHaveLength(2 * MANY);
    expect(mostAtOnce(lines)).toBeLessThanOrEqual(4);
  });
});
