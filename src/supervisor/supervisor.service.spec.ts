import { Logger } from '@nestjs/common';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { soon, useVirtualTime } from '../../test/support/virtual-time';
import { SystemClock } from '../common/clock';
import type { AppConfig } from '../config/app-config';
import { Events } from '../events/events';
import type { TrafficRecord } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { GroupUsageReader } from './group-usage';
import { SpawnError } from './process-spawner';
import { SupervisorService } from './supervisor.service';
import { STOPPED_SNAPSHOT } from './tool-snapshot';

useVirtualTime();

const CONFIG = {
  environmentOfChildren: { PATH: process.env.PATH, SECRET_KEY: 'ours' },
  mcpEnvPassthrough: [],
  mcpMaxMessageBytes: 1_024 * 1_024,
  dataDir: temporaryFolder(),
  logDir: temporaryFolder(),
} as unknown as AppConfig;

class House {
  readonly spawner: FakeSpawner;
  readonly tap = new TrafficTap();
  readonly records: TrafficRecord[] = [];
  readonly events = new Events();
  readonly supervisor: SupervisorService;

  constructor(behave: (index: number) => FakeBehaviour = () => ({})) {
    const clock = new SystemClock();
    this.spawner = new FakeSpawner(behave);
    this.tap.connect({ record: (record) => this.records.push(record) });
    this.supervisor = new SupervisorService(
      this.spawner,
      new GroupUsageReader(clock),
      this.tap,
      CONFIG,
      clock,
      this.events,
    );
  }
}

afterAll(removeTemporaryFolders);

const tool = (name: string) => aSupervisedTool({ id: name, name });
const houses: House[] = [];

function house(behave?: (index: number) => FakeBehaviour): House {
  const one = new House(behave);
  houses.push(one);
  return one;
}

beforeAll(() => Logger.overrideLogger(false));

afterEach(async () => {
  for (const { spawner, supervisor } of houses.splice(0)) {
    for (const child of spawner.children) child.exit(0);
    await supervisor.stopAll();
    expect(spawner.alive).toEqual([]);
  }
});

describe('the supervisor', () => {
  it('shows a tool as it lives, and one that it does not know as stopped', async () => {
    const { supervisor, spawner } = house();
    expect(supervisor.snapshot('a')).toEqual(STOPPED_SNAPSHOT);
    await supervisor.start(tool('a'));
    const { pid } = spawner.last;
    expect(supervisor.snapshot('a')).toMatchObject({ state: 'running', pid, restarts: 0, restartRequired: false });
    expect(supervisor.snapshot('a')).toMatchObject({ identity: { era: 'legacy' }, lastSeenAt: expect.any(Number) });
    expect(supervisor.session('a')?.generation).toBe(1);
    spawner.last.stderr.write('hello\n');
    await new Promise(setImmediate);
    expect(supervisor.stderr('a')).toMatchObject([{ line: 'hello' }]);
    await supervisor.stop('a');
    expect(supervisor.snapshot('a')).toMatchObject({ state: 'stopped', pid: null, startedAt: null, identity: null });
    expect(supervisor.session('a')).toBeNull();
    expect(supervisor.stderr('b')).toEqual([]);
    await supervisor.stop('b');
  });

  it('tells a failed start with its reason and what to do', async () => {
    const { supervisor } = house(() => ({ spawnError: new SpawnError('cwd_not_found', 'It is not there', true) }));
    await expect(supervisor.start(tool('a'))).rejects.toMatchObject({
      code: 'tool_start_failed',
      message: 'a did not start: It is not there',
      extra: { reason: 'cwd_not_found', hint: expect.stringContaining('folder') },
    });
    expect(supervisor.snapshot('a')).toMatchObject({ lastError: { code: 'cwd_not_found' }, pid: null });
  });

  it('tells a start that a stop ended', async () => {
    const { supervisor } = house(() => ({ answers: false }));
    const started = supervisor.start(tool('a'));
    const refused = expect(started).rejects.toMatchObject({ code: 'start_aborted' });
    await supervisor.stop('a');
    await refused;
  });

  it('tells who waits for it that a tool is ready, at every start', async () => {
    const { supervisor } = house();
    const heard: [string, number][] = [];
    supervisor.onReady((toolId, session) => heard.push([toolId, session.generation]));
    await supervisor.start(tool('a'));
    await supervisor.restart(tool('a'));
    expect(heard).toEqual([
      ['a', 1],
      ['a', 2],
    ]);
  });

  it('lets a listener that throws break neither the tool nor the other listeners', async () => {
    const { supervisor } = house();
    const heard: string[] = [];
    supervisor.onReady(() => {
      throw new Error('a bug of ours');
    });
    supervisor.onReady((toolId) => heard.push(toolId));
    const error = jest.spyOn(Logger.prototype, 'error');
    await supervisor.start(tool('a'));
    expect([heard, supervisor.snapshot('a').state]).toEqual([['a'], 'running']);
    expect(error).toHaveBeenCalledTimes(1);
    error.mockRestore();
  });

  it('shows what is wrong with a running tool, and takes it back', async () => {
    const { supervisor } = house();
    await supervisor.start(tool('a'));
    supervisor.degrade('a', 1, 'unresponsive', 'It does not answer');
    const { state, lastError } = supervisor.snapshot('a');
    expect({ state, lastError }).toMatchObject({ state: 'running', lastError: { code: 'unresponsive' } });
    expect(lastError?.hint).toContain('overloaded');
    supervisor.recover('a', 1, 'unresponsive');
    expect(supervisor.snapshot('a').lastError).toBeNull();
  });

  it('F14, F19: counts what the running session got wrong, and shows it after its end, too', async () => {
    const { supervisor, spawner } = house();
    expect(supervisor.snapshot('a').counters).toEqual({
      noise: 0,
      oversized: 0,
      late: 0,
      unknown: 0,
      stderrDropped: 0,
    });
    await supervisor.start(tool('a'));
    spawner.last.stdout.write('no message\n');
    spawner.last.say({ id: 999, result: {} });
    spawner.last.say({ id: 1, result: {} });
    const counted = { noise: 1, oversized: 0, late: 1, unknown: 1, stderrDropped: 0 };
    await soon(() => supervisor.snapshot('a').counters.late === 1);
    expect(supervisor.snapshot('a').counters).toEqual(counted);
    await supervisor.stop('a');
    expect(supervisor.snapshot('a').counters).toEqual(counted);
    await supervisor.start(tool('a'));
    expect(supervisor.snapshot('a').counters).toMatchObject({ noise: 0, unknown: 0 });
  });

  it('gives children its marker and nothing of our secrets', async () => {
    const { supervisor, spawner } = house();
    await supervisor.start(tool('a'));
    const { env } = spawner.last.launch;
    expect(Object.keys(env).sort()).toEqual(['MCPS_INSTANCE', 'PATH']);
    expect(env.MCPS_INSTANCE).toMatch(/^[0-9a-f-]{36}:a$/);
  });

  it('takes a changed definition in without starting anything', async () => {
    const { supervisor, spawner } = house();
    supervisor.define(tool('a'));
    expect(spawner.asked).toBe(0);
    await supervisor.start(tool('a'));
    supervisor.define({ ...tool('a'), args: ['changed'] });
    expect(supervisor.snapshot('a').restartRequired).toBe(true);
    expect(spawner.asked).toBe(1);
  });

  it('forgets a tool only with all its processes, also one that is started meanwhile', async () => {
    const { supervisor, spawner } = house();
    await supervisor.start(tool('a'));
    const forgotten = supervisor.forget('a');
    const started = supervisor.start(tool('a')).catch((error: unknown) => error);
    await forgotten;
    expect(spawner.alive).toEqual([]);
    expect(supervisor.snapshot('a')).toEqual(STOPPED_SNAPSHOT);
    expect(await started).toMatchObject({ code: 'start_aborted' });
  });
});

describe('a trial', () => {
  it('leaves nothing: no process, no tool, no record, nobody told', async () => {
    const { supervisor, spawner, records } = house(() => ({ stderr: 'warming up' }));
    const heard: string[] = [];
    supervisor.onReady((toolId) => heard.push(toolId));
    const stderr: string[] = [];
    const name = await supervisor.trial(tool('t'), stderr, (session) => {
      expect(spawner.alive).toHaveLength(1);
      return Promise.resolve(session.identity?.serverInfo?.name);
    });
    expect(name).toBe('fake');
    expect(stderr).toEqual(['warming up']);
    expect(spawner.alive).toEqual([]);
    expect([supervisor.snapshot('t'), heard, records]).toEqual([STOPPED_SNAPSHOT, [], []]);
  });

  it('leaves nothing either when the start or the work fails', async () => {
    const { supervisor, spawner } = house((index) => (index === 0 ? {} : { exitAtOnce: 2, stderr: 'no key' }));
    const boom = () => Promise.reject(new Error('the work failed'));
    await expect(supervisor.trial(tool('t'), [], boom)).rejects.toThrow('the work failed');
    const stderr: string[] = [];
    await expect(supervisor.trial(tool('t'), stderr, boom)).rejects.toMatchObject({ code: 'tool_start_failed' });
    expect(stderr).toContain('no key');
    expect(spawner.alive).toEqual([]);
    expect(supervisor.snapshot('t')).toEqual(STOPPED_SNAPSHOT);
  });

  it('is taken down by a shutdown in the middle', async () => {
    const { supervisor, spawner } = house(() => ({ answers: false }));
    const tried = supervisor.trial(tool('t'), [], () => Promise.resolve());
    const refused = expect(tried).rejects.toMatchObject({ code: 'start_aborted' });
    await supervisor.stopAll();
    expect(spawner.alive).toEqual([]);
    await refused;
  });
});

describe('the shutdown', () => {
  it('refuses new starts and takes everything down, side by side', async () => {
    const { supervisor, spawner } = house();
    await Promise.all(['a', 'b', 'c'].map((name) => supervisor.start(tool(name))));
    expect(spawner.alive).toHaveLength(3);
    const down = supervisor.stopAll();
    const refused = { code: 'shutting_down', retryAfterSeconds: 5 };
    await expect(supervisor.start(tool('a'))).rejects.toMatchObject(refused);
    await expect(supervisor.restart(tool('d'))).rejects.toMatchObject(refused);
    await expect(supervisor.trial(tool('t'), [], () => Promise.resolve())).rejects.toMatchObject(refused);
    await down;
    expect(spawner.alive).toEqual([]);
    expect(spawner.asked).toBe(3);
  });

  it('kills every group as its last resort, and starts nothing from then on', async () => {
    const { supervisor, spawner } = house(() => ({ ignoresTerm: true }));
    await Promise.all(['a', 'b'].map((name) => supervisor.start(tool(name))));
    supervisor.killAll();
    expect(spawner.children.map((child) => child.signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
    await expect(supervisor.start(tool('c'))).rejects.toMatchObject({ code: 'shutting_down' });
  });
});
