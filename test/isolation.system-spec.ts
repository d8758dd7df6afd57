import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import {
  type Api,
  type BuiltProgram,
  firstLogin,
  login,
  scratchFolder,
  startProgram,
  stopProgram,
} from './support/built-program';
import { groupMembers, waitUntil } from './support/process-tree';

const FIXTURE = join(__dirname, 'support/fixture-mcp-server.mjs');
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const FLAGS = ['--ignore-eof', '--ignore-term', '--daemon'];

/** As ourselves, and as an ordinary user where we may become one (else we are one). */
const USERS: [string, number | undefined][] = isRoot
  ? [
      ['root', undefined],
      ['an ordinary user', NOBODY],
    ]
  : [['an ordinary user', undefined]];

describe.each(USERS)('MCPS.ONE as %s', (_name, user) => {
  const folder = scratchFolder();
  const path = folder.path;
  if (user !== undefined) chownSync(path, user, user);
  afterAll(() => folder.remove());

  const serve = async (env: Record<string, string>): Promise<{ program: BuiltProgram; api: Api }> => {
    const isFirst = !existsSync(join(path, 'data/installation-id'));
    // `env -i PATH=...` decides which code runs, which is refused otherwise.
    const program = startProgram(path, { TOOLS_ALLOW_INLINE_CODE: 'true', ...env }, [], user);
    const origin = await program.listening();
    return { program, api: isFirst ? await firstLogin(origin, path) : await login(origin) };
  };
  /** Living processes with a variable that only the tool sets: what clears its environment of ours keeps it. */
  const descendants = (tag: string): number[] =>
    readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid > 0)
      .filter((pid) => {
        try {
          const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
          if (/^[ZX]$/.test(stat.charAt(stat.lastIndexOf(')') + 2))) return false;
          return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TAG=${tag}\0`);
        } catch {
          return false;
        }
      });
  /** A tool that clears our marker from its environment, ignores all requests to end, and has a daemon. */
  const unmarked = (name: string, tag: string) => {
    return {
      name,
      command: 'env',
      args: ['-i', `PATH=${process.env.PATH ?? ''}`, `TAG=${tag}`, process.execPath, FIXTURE, ...FLAGS],
    };
  };

  it('F10, F30: holds with bwrap all that a tool starts, and the kernel ends it with us', async () => {
    const { program, api } = await serve({ MCP_ISOLATION: 'bwrap' });
    const tag = `bwrap-${process.pid}-${user ?? 0}`;
    await api('POST', '/tools', unmarked('held', tag));
    const started = await api('POST', '/tools/held/start');
    expect(started.body).toMatchObject({ state: 'running' });
    await waitUntil(() => descendants(tag).length === 2, { what: 'the program and its daemon' });
    expect((await api('GET', '/tools/held/status')).body.memoryBytes).toBeGreaterThan(20_000_000);

    // Stopped, MCPS.ONE can't replace the guard that is killed first: the kernel is left alone with it.
    const { isolation } = (await api('GET', '/system/health')).body.details.supervisor;
    expect(isolation).toMatchObject({ level: 'bwrap', notes: [] });
    const pids = descendants(tag);
    program.child.kill('SIGSTOP');
    process.kill(isolation.guard.pid, 'SIGKILL');
    program.child.kill('SIGKILL');
    await program.exited;
    await waitUntil(() => descendants(tag).length === 0, { what: `${pids.join()} are gone` });
    await waitUntil(() => groupMembers(started.body.pid).length === 0, { what: 'bwrap is gone, too' });
  }, 120_000);

  it('F10: ends with bwrap a daemon that hides from its marker when the tool is stopped', async () => {
    const { program, api } = await serve({ MCP_ISOLATION: 'bwrap' });
    const tag = `stop-${process.pid}-${user ?? 0}`;
    await api('DELETE', '/tools/held');
    await api('POST', '/tools', unmarked('stopped', tag));
    await api('POST', '/tools/stopped/start');
    await waitUntil(() => descendants(tag).length === 2, { what: 'the program and its daemon' });
    expect((await api('POST', '/tools/stopped/stop')).body.state).toBe('stopped');
    expect(descendants(tag)).toEqual([]);
    expect(await stopProgram(program)).toBe(0);
  }, 120_000);

  it('tells a tool whose folder is hidden from it', async () => {
    const { program, api } = await serve({ MCP_ISOLATION: 'bwrap' });
    await api('POST', '/tools', aTool({ name: 'inside', cwd: join(path, 'data') }));
    expect(await api('POST', '/tools/inside/start')).toMatchObject({ status: 502, body: { reason: 'cwd_hidden' } });
    expect(await stopProgram(program)).toBe(0);
  }, 120_000);

  it('F30, F34: without bwrap finds by its record what has cleared its environment', async () => {
    const { program, api } = await serve({});
    const tag = `record-${process.pid}-${user ?? 0}`;
    const clear = ['-i', `TAG=${tag}`, process.execPath, FIXTURE, '--ignore-eof', '--ignore-term'];
    await api('POST', '/tools', { name: 'recorded', command: 'env', args: clear });
    expect((await api('POST', '/tools/recorded/start')).body.state).toBe('running');
    const { guard } = (await api('GET', '/system/health')).body.details.supervisor.isolation;
    program.child.kill('SIGSTOP');
    process.kill(guard.pid, 'SIGKILL');
    program.child.kill('SIGKILL');
    await program.exited;
    const left = descendants(tag);
    expect(left).toHaveLength(1);
    const next = startProgram(path, {}, [], user);
    await next.listening();
    expect(next.output()).toContain('an earlier run had left behind');
    await waitUntil(() => !descendants(tag).includes(left[0] ?? -1), { what: 'it is gone' });
    expect(await stopProgram(next)).toBe(0);
    expect(descendants(tag)).toEqual([]);
  }, 120_000);
});
