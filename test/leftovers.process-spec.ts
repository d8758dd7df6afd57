import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { firstLogin, login, scratchFolder, startProgram, stopProgram } from './support/built-program';
import { groupMembers, livingProcesses, waitUntil } from './support/process-tree';

const FIXTURE = join(__dirname, 'support/fixture-mcp-server.mjs');
const STUBBORN = ['--ignore-eof', '--ignore-term', '--fork'];

describe('whatever happens to MCPS.ONE, no process of its tools is left over', () => {
  const folder = scratchFolder();
  const path = folder.path;
  let decoy: ChildProcess;
  afterAll(() => {
    decoy.kill('SIGKILL');
    folder.remove();
  });

  const ours = (): number[] => {
    const id = readFileSync(join(path, 'data/installation-id'), 'utf8').split(' ')[0] ?? '';
    return livingProcesses(`MCPS_INSTANCE=${id}:`);
  };
  /** The guard: the one shell whose parent is the program. */
  const guardOf = (pid: number): number | undefined =>
    readdirSync('/proc')
      .map(Number)
      .find((candidate) => {
        if (!Number.isInteger(candidate)) return false;
        try {
          const stat = readFileSync(`/proc/${candidate}/stat`, 'latin1');
          const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          return (
            Number(parent) === pid && readFileSync(`/proc/${candidate}/cmdline`, 'latin1').startsWith('/bin/sh\0-c\0')
          );
        } catch {
          return false;
        }
      });

  it('F10: a stop ends also the daemon that has left the group and the session', async () => {
    // A stranger with a marker of its own must survive all of this.
    decoy = spawn('sleep', ['600'], { env: { MCPS_INSTANCE: 'another-installation:tool' }, stdio: 'ignore' });
    const program = startProgram(path);
    const api = await firstLogin(await program.listening(), path);
    await api('POST', '/tools', aTool({ name: 'daemonic', flags: ['--daemon'] }));
    const { pid } = (await api('POST', '/tools/daemonic/start')).body;
    await waitUntil(() => ours().length === 2, { what: 'the daemon to live' });
    expect(groupMembers(pid)).toEqual([pid]);
    expect((await api('POST', '/tools/daemonic/stop')).body.state).toBe('stopped');
    expect(ours()).toEqual([]);
    await api('DELETE', '/tools/daemonic');
    expect(await stopProgram(program)).toBe(0);
  });

  it('F30, F34: kill -9 leaves nothing but daemons for a moment, and these not beyond the next start', async () => {
    const program = startProgram(path);
    const origin = await program.listening();
    const api = await login(origin);
    for (let n = 0; n < 6; n++) {
      await api('POST', '/tools', aTool({ name: `tool-${n}`, flags: n % 2 ? STUBBORN : [] }));
      await api('POST', `/tools/tool-${n}/start`);
    }
    await api('POST', '/tools', aTool({ name: 'with-daemon', flags: ['--daemon'] }));
    await api('POST', '/tools/with-daemon/start');
    expect(ours().length).toBeGreaterThanOrEqual(11);

    const firstGuard = guardOf(program.pid);
    expect(firstGuard).toBeGreaterThan(0);
    process.kill(firstGuard ?? -1, 'SIGKILL');
    await waitUntil(() => ![undefined, firstGuard].includes(guardOf(program.pid)), { what: 'another guard' });

    program.child.kill('SIGKILL');
    await program.exited;
    await waitUntil(() => ours().length <= 1, { what: 'the guard to have ended all but the daemon' });
    const [daemon] = ours();

    const next = startProgram(path);
    await next.listening();
    expect(next.output()).toContain('an earlier run had left behind');
    expect(ours()).not.toContain(daemon);
    // All that should run, runs: two daemons' groups and five more.
    await waitUntil(() => next.output().split('A tool is ready').length - 1 === 7, { what: 'all tools' });
    expect(await stopProgram(next)).toBe(0);
    expect(ours()).toEqual([]);
    expect(decoy.exitCode).toBeNull();
    expect(decoy.signalCode).toBeNull();
  }, 120_000);

  it('F30, F34: with the guard dead as well, what has cleared its environment is found by its record, and no stranger', async () => {
    const program = startProgram(path);
    const api = await login(await program.listening());
    const former = ['with-daemon', ...Array.from({ length: 6 }, (_, n) => `tool-${n}`)];
    await Promise.all(former.map((name) => api('DELETE', `/tools/${name}`)));
    await api('POST', '/tools', {
      name: 'unmarked',
      command: 'env',
      args: ['-i', process.execPath, FIXTURE, ...STUBBORN],
    });
    const { pid } = (await api('POST', '/tools/unmarked/start')).body;
    expect(ours()).toEqual([]);
    // Stopped, it can't replace the guard that we kill first.
    const guard = guardOf(program.pid);
    program.child.kill('SIGSTOP');
    process.kill(guard ?? -1, 'SIGKILL');
    program.child.kill('SIGKILL');
    await program.exited;
    expect(groupMembers(pid)).toHaveLength(2);

    const runs = join(path, 'data/runs');
    const [file = ''] = readdirSync(runs).filter((name) => name.endsWith('.json'));
    const record = JSON.parse(readFileSync(join(runs, file), 'utf8'));
    expect(record.pid).toBe(pid);
    // A record of a process that is gone, whose number the stranger has got; one that is damaged; one of another boot.
    writeFileSync(join(runs, 'reused.json'), JSON.stringify({ ...record, id: 'reused', pid: decoy.pid }));
    writeFileSync(join(runs, 'damaged.json'), '{"id": "damaged", "pid":');
    const rebooted = { ...record, id: 'rebooted', pid: decoy.pid, life: 'another boot' };
    writeFileSync(join(runs, 'rebooted.json'), JSON.stringify(rebooted));

    const next = startProgram(path);
    await next.listening();
    expect(groupMembers(pid)).toEqual([]);
    expect([decoy.exitCode, decoy.signalCode]).toEqual([null, null]);
    expect(next.output()).toContain('A run record is damaged and was ignored');
    expect(await stopProgram(next)).toBe(0);
    expect(readdirSync(runs).filter((name) => name !== 'alive')).toEqual([]);
  }, 120_000);
});
