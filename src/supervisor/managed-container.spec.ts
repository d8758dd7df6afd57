import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { FakeContainerEngine } from '../../test/support/container-engine';
import { waitUntil } from '../../test/support/process-tree';
import { containerLaunch, type ContainerRun } from './container-run';
import { ManagedContainer, removeLeftContainers } from './managed-container';

const LIMITS = { listMs: 60_000, killMs: 60_000 };
/** For an engine that never answers. */
const SHORT = { listMs: 1_000, killMs: 1_000 };

describe('the container of a tool', () => {
  beforeAll(() => Logger.overrideLogger(false));
  let engine: FakeContainerEngine;
  let count = 0;
  const closing = new AbortController();
  beforeEach(() => (engine = new FakeContainerEngine()));
  afterEach(() => engine.remove());

  /** Starts the client as a tool would be started, kills it, and leaves its container running. */
  async function anOrphan(toolId = 'tool-1', installation = 'here', options: string[] = []): Promise<ContainerRun> {
    const before = engine.pids.length;
    const args = ['run', ...options, '--rm', '-i', 'image', 'sleep', '60'];
    const env = { PATH: process.env.PATH ?? '', ...engine.env, API_KEY: 'secret' };
    const cidFile = join(engine.folder, `${count++}.cid`);
    const found = containerLaunch(
      { command: engine.command, args, cwd: engine.folder, env },
      { cidFile, installation, toolId },
    );
    if (found === null) throw new Error('no container');
    const client = spawn(found.launch.command, found.launch.args, { env, cwd: engine.folder, stdio: 'ignore' });
    await waitUntil(() => engine.pids.length === before + 1, { what: 'the container runs' });
    client.kill('SIGKILL');
    return found.container;
  }

  it('is killed by the id that the client has written down', async () => {
    const run = await anOrphan();
    new ManagedContainer(run, LIMITS).kill();
    await waitUntil(() => engine.pids.length === 0, { what: 'it is gone' });
    expect(engine.calls.at(-1)).toMatch(/^kill [0-9a-f]{64}$/);
  });

  it('is killed by the id in a file of its own choice', async () => {
    const run = await anOrphan('tool-1', 'here', ['--cidfile', 'mine.cid']);
    new ManagedContainer(run, LIMITS).kill();
    await waitUntil(() => engine.pids.length === 0, { what: 'it is gone' });
  });

  it('is gone when the engine says so: it is removed by its labels, and no other tool is touched', async () => {
    const run = await anOrphan();
    await anOrphan('tool-2');
    await anOrphan('tool-1', 'elsewhere');
    await new ManagedContainer(run, LIMITS).gone(closing.signal);
    expect(engine.pids).toHaveLength(2);
    const verbs = engine.calls.map((call) => call.split(' ')[0]).filter((verb) => verb !== 'run');
    expect(verbs).toEqual(['ps', 'rm', 'ps']);
  });

  it('is asked for once, when there is none any more', async () => {
    const run = await anOrphan();
    await new ManagedContainer(run, LIMITS).gone(closing.signal);
    const before = engine.calls.length;
    await new ManagedContainer(run, LIMITS).gone(closing.signal);
    expect(engine.calls.slice(before)).toEqual([expect.stringMatching(/^ps /)]);
  });

  it.each(['refuse', 'hang'] as const)('does not count as gone while the engine is down (%s)', async (how) => {
    const run = await anOrphan();
    engine.misbehave(how);
    let isGone = false;
    const gone = new ManagedContainer(run, SHORT).gone(closing.signal).then(() => (isGone = true));
    const asked = () => engine.calls.filter((call) => call.startsWith('ps')).length >= 2;
    await waitUntil(asked, { what: 'it is asked again' });
    expect(isGone).toBe(false);
    engine.misbehave(null);
    await gone;
    expect(engine.pids).toEqual([]);
  });

  it('is not waited for when the house closes', async () => {
    const run = await anOrphan();
    engine.misbehave('refuse');
    const house = new AbortController();
    const gone = new ManagedContainer(run, LIMITS).gone(house.signal);
    await waitUntil(() => engine.calls.at(-1)?.startsWith('ps'), { what: 'it is asked' });
    house.abort();
    await gone;
    expect(engine.pids).toHaveLength(1);
  });

  it('is not waited for when the client itself has been removed', async () => {
    const run = await anOrphan();
    await new ManagedContainer({ ...run, command: '/no/such/docker' }, LIMITS).gone(closing.signal);
    expect(engine.pids).toHaveLength(1);
  });

  it('F30: is removed with all others of the installation after a crash of ours, its engine asked once', async () => {
    const runs = [await anOrphan('tool-1'), await anOrphan('tool-2')].map((container) => ({ container }));
    await anOrphan('tool-1', 'elsewhere');
    expect(await removeLeftContainers(runs, LIMITS)).toEqual({ count: 2, unanswered: [] });
    expect(engine.pids).toHaveLength(1);
    expect(engine.calls.filter((call) => call.startsWith('rm'))).toHaveLength(1);
  });

  it('F30: is left for the next boot, after a bounded time, when the engine hangs', async () => {
    const run = { container: await anOrphan() };
    engine.misbehave('hang');
    expect(await removeLeftContainers([run], SHORT)).toEqual({ count: 0, unanswered: [run] });
  });

  it('asks no engine when there was no container', async () => {
    expect(await removeLeftContainers([])).toEqual({ count: 0, unanswered: [] });
    expect(engine.calls).toEqual([]);
  });
});
