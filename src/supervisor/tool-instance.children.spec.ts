import { ObservedInstance, QUICK_TIMES } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { groupMembers, livingProcesses, openFileDescriptors, waitUntil } from '../../test/support/process-tree';
import { NodeProcessSpawner } from './node-process-spawner';
import { readProcessTable } from './process-table';
import type { SupervisedTool } from './supervised-tool';
import type { InstanceSurroundings } from './tool-instance';

/** The ladder leaves real children the time to hear the polite end, on a machine that stalls as well. */
const TIMES = {
  ...QUICK_TIMES,
  ladder: { drainMs: 30_000, closeInputMs: 30_000, terminateMs: 30_000, killMs: 60_000 },
};
/** For those who do not hear it. */
const HARD_TIMES = { ...QUICK_TIMES, ladder: { ...TIMES.ladder, closeInputMs: 200, terminateMs: 200 } };
const marker = `children-spec:${process.pid}`;
let instances = 0;
const spawner = new NodeProcessSpawner();
afterAll(() => spawner.end());
const used: ObservedInstance[] = [];

function fixture(
  flags: string[] = [],
  given: Partial<SupervisedTool> = {},
  surroundings: Partial<InstanceSurroundings> = {},
): ObservedInstance {
  const tool = aSupervisedTool({ flags, maxRetries: 0, startTimeoutMs: 60_000, ...given });
  const environment = { PATH: process.env.PATH, DATABASE_URL: 'postgres://ours' };
  const instance = new ObservedInstance(tool, spawner, {
    times: TIMES,
    // As in the service: one for each tool, so that what one leaves behind is told from the others.
    marker: `${marker}:${instances++}`,
    environment,
    ...surroundings,
  });
  used.push(instance);
  return instance;
}

const pidOf = (instance: ObservedInstance): number => instance.current?.process?.pid ?? -1;

async function call(instance: ObservedInstance, name: string, args: object = {}): Promise<any> {
  const params = { name, arguments: { ...args } };
  const who = { client: null, sessionId: null };
  return instance.live?.peer?.request({ method: 'tools/call', params, timeoutMs: 60_000, ...who });
}

afterEach(async () => {
  await Promise.all(used.splice(0).map((instance) => instance.stop()));
  expect(livingProcesses(`MCPS_INSTANCE=${marker}`)).toEqual([]);
});

describe('a real server', () => {
  it('answers calls, has its own environment and nothing of ours, and is gone after a stop', async () => {
    const instance = fixture([], { env: { API_KEY: 'theirs' } });
    expect(await instance.start()).toBe('ready');
    const pid = pidOf(instance);
    const { content } = await call(instance, 'environ');
    expect(JSON.parse(content[0].text)).toEqual(['API_KEY', 'MCPS_INSTANCE', 'PATH']);
    expect(groupMembers(pid)).toEqual([pid]);
    expect(await instance.stop()).toBe(true);
    expect(groupMembers(pid)).toEqual([]);
    expect(instance.lifecycle.lastExit).toMatchObject({ code: 0, signal: null });
  });

  it('F9: is killed with its whole group when it ignores the end of input and SIGTERM', async () => {
    const instance = fixture(['--ignore-eof', '--ignore-term', '--fork'], {}, { times: HARD_TIMES });
    await instance.start();
    const pid = pidOf(instance);
    await waitUntil(() => groupMembers(pid).length === 2, { what: 'the grandchild is there' });
    expect(await instance.stop()).toBe(true);
    expect(groupMembers(pid)).toEqual([]);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopped', lastExit: { signal: 'SIGKILL' } });
  });

  it('F10: takes the grandchild along that stays in the group after a polite end', async () => {
    const instance = fixture(['--fork'], {}, { times: HARD_TIMES });
    await instance.start();
    const pid = pidOf(instance);
    await waitUntil(() => groupMembers(pid).length === 2, { what: 'the grandchild is there' });
    expect(await instance.restart()).toBe('ready');
    expect(groupMembers(pid)).toEqual([]);
    expect(groupMembers(pidOf(instance))).not.toEqual([]);
    expect(pidOf(instance)).not.toBe(pid);
  });

  it('F3: fails a call at once when it crashes in the middle of it', async () => {
    const instance = fixture();
    await instance.start();
    await expect(call(instance, 'crash', { code: 9 })).rejects.toMatchObject({
      code: 'tool_connection_lost',
      end: { code: 'process_exited', message: 'the program exited with code 9' },
    });
    await instance.reaches('failed');
    expect(instance.lifecycle.lastError?.message).toContain('exited with code 9');
  });

  it('F3: fails a call within 100 ms of the death, whoever caused it, and never sends it again', async () => {
    const instance = fixture([], { maxRetries: 20 });
    await instance.start();
    let leastMs = Infinity;
    // The fastest of some: a busy machine delays some, a timer of ours would delay all.
    for (let generation = 1; generation <= 3 || (generation <= 15 && leastMs > 100); generation++) {
      await waitUntil(() => instance.lifecycle.generation === generation && instance.live, { what: 'it runs' });
      const answer = call(instance, 'sleep', { ms: 60_000 }).catch((error: unknown) => error);
      const began = performance.now();
      process.kill(pidOf(instance), 'SIGKILL');
      expect(await answer).toMatchObject({
        code: 'tool_connection_lost',
        message: expect.stringContaining('ended by SIGKILL'),
      });
      leastMs = Math.min(leastMs, performance.now() - began);
    }
    expect(leastMs).toBeLessThan(100);
  });

  it('F23: is ended by SIGKILL and started again when it was stopped by SIGSTOP and condemned for its silence', async () => {
    const instance = fixture([], { maxRetries: 5 }, { times: HARD_TIMES });
    await instance.start();
    const pid = pidOf(instance);
    process.kill(pid, 'SIGSTOP');
    expect(await instance.live?.ping(200)).toMatchObject({ is: 'missed' });
    instance.condemn(1, 'unresponsive', 'It did not answer');
    await instance.reaches('backoff');
    expect(groupMembers(pid)).toEqual([]);
    expect(instance.lifecycle).toMatchObject({ lastError: { code: 'unresponsive' }, lastExit: { signal: 'SIGKILL' } });
    await instance.reaches('running');
    expect(pidOf(instance)).not.toBe(pid);
  });

  it('F20: is given up when it does not read its input, and its calls with it', async () => {
    const instance = fixture([], {}, { stdinStuckMs: 400, times: HARD_TIMES });
    await instance.start();
    process.kill(pidOf(instance), 'SIGSTOP');
    // More than a pipe holds.
    const text = 'x'.repeat(64 * 1024);
    const answers = Array.from({ length: 5 }, () => call(instance, 'echo', { text }).catch((error: unknown) => error));
    for (const answer of answers) expect(await answer).toMatchObject({ code: 'tool_connection_lost' });
    await instance.reaches('failed');
    expect(instance.lifecycle.lastError?.code).toBe('stdin_stuck');
  });

  it('ends its call in flight before it is stopped', async () => {
    const instance = fixture();
    await instance.start();
    const answer = call(instance, 'sleep', { ms: 150 });
    expect(await instance.stop()).toBe(true);
    expect((await answer).content).toHaveLength(1);
    expect(instance.lifecycle.lastExit).toMatchObject({ code: 0, signal: null });
  });

  it('F7: is understood whether it exits at the probe, is silent at it, or knows only the new revision', async () => {
    const shy = fixture(['--era', 'exit-on-discover']);
    const mute = fixture(['--era', 'mute-discover']);
    const modern = fixture(['--era', 'modern']);
    expect(await Promise.all([shy.start(), mute.start(), modern.start()])).toEqual(['ready', 'ready', 'ready']);
    expect([shy, mute, modern].map((one) => one.live?.identity?.era)).toEqual(['legacy', 'legacy', 'modern']);
    expect(shy.lifecycle).toMatchObject({ generation: 2, failures: 0 });
    expect(mute.lifecycle.generation).toBe(1);
    expect(await modern.restart()).toBe('ready');
  });

  it('F1: that exits before it is ready is told with its last words, secrets masked in both places', async () => {
    const instance = fixture(['--stderr', 'key s3cr3t-value is wrong', '--exit', '4'], {
      env: { KEY: 's3cr3t-value' },
    });
    expect(await instance.start()).toBe('failed');
    const { code, message } = instance.lifecycle.lastError ?? {};
    expect(code).toBe('exited_before_handshake');
    expect(message).toMatch(/exited with code 4 .*key \*\*\* is wrong\nfixture-server: told to exit with 4/s);
    expect(JSON.stringify([instance.lifecycle, instance.stderr.tail()])).not.toContain('s3cr3t');
  });

  it('is no MCP server when it only writes a banner, and slow when it writes nothing', async () => {
    const script = 'echo "Welcome! Type help for help."; while read -r line; do :; done';
    const banner = fixture([], { command: 'sh', args: ['-c', script], startTimeoutMs: 800 });
    const silent = fixture(['--hang'], { startTimeoutMs: 800 });
    expect(await Promise.all([banner.start(), silent.start()])).toEqual(['failed', 'failed']);
    expect(banner.lifecycle.lastError).toMatchObject({ code: 'not_mcp' });
    expect(silent.lifecycle.lastError).toMatchObject({ code: 'handshake_timeout' });
  });

  it('F25: that is not there or whose folder is missing has failed without another try', async () => {
    const nowhere = fixture([], { command: 'no-such-program', maxRetries: 5 });
    const homeless = fixture([], { cwd: '/no/such/folder', maxRetries: 5 });
    expect(await Promise.all([nowhere.start(), homeless.start()])).toEqual(['failed', 'failed']);
    await Promise.all([nowhere.reaches('failed'), homeless.reaches('failed')]);
    expect(nowhere.lifecycle).toMatchObject({ generation: 1, lastError: { code: 'command_not_found' } });
    expect(homeless.lifecycle).toMatchObject({ generation: 1, lastError: { code: 'cwd_not_found' } });
  });

  it('F10, F11: is stopped with the daemon that left the group and holds its pipes, and holds none of ours', async () => {
    const first = fixture([]);
    await first.start(); // begins what watches over all children, and keeps one pipe
    await first.stop();
    const before = openFileDescriptors().length;
    const script = `setsid sleep 30 & echo "daemon $!" >&2; exec "$0" "$@"`;
    const { args } = aSupervisedTool();
    const instance = fixture([], { command: 'sh', args: ['-c', script, process.execPath, ...args] });
    await instance.start();
    const line = await waitUntil(() => instance.stderr.tail()[0]?.line, { what: 'it says its pid' });
    const daemon = Number(line.split(' ')[1]);
    expect(await instance.stop()).toBe(true);
    expect(groupMembers(daemon)).toEqual([]);
    await waitUntil(() => openFileDescriptors().length <= before, { what: 'the pipes are closed' });
  });

  it('F35: leaves no zombie and no open pipe, however often it fails', async () => {
    const instance = fixture([], { command: 'false', args: [] });
    await instance.start();
    const before = openFileDescriptors().length;
    const pids: number[] = [];
    for (let round = 0; round < 10; round++) {
      expect(await instance.start()).toBe('failed');
      pids.push(pidOf(instance));
    }
    expect(readProcessTable()?.filter((row) => pids.includes(row.pid) || pids.includes(row.pgrp))).toEqual([]);
    expect(openFileDescriptors().length).toBeLessThanOrEqual(before);
  });
});
