import { Logger } from '@nestjs/common';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { FakeClock } from '../../test/support/fake-clock';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { soon, useVirtualTime } from '../../test/support/virtual-time';
import { SystemClock } from '../common/clock';
import type { AppConfig } from '../config/app-config';
import { Events } from '../events/events';
import type { Recorder } from '../logs/recorder.service';
import { ToolNames } from '../logs/tool-names';
import { TrafficTap } from '../mcp/traffic-tap';
import { GroupUsageReader } from '../supervisor/group-usage';
import { SupervisorService } from '../supervisor/supervisor.service';
import type { Settings } from '../settings/settings';
import type { OfferingService } from './offering.service';
import { DefinitionPolicy } from './definition-policy';
import { ToolReconciler } from './tool-reconciler';
import type { ToolDefaults } from './tool-defaults';
import { ToolRegistry } from './tool-registry';
import { ToolRuntimeService } from './tool-runtime.service';
import type { ToolSecrets } from './tool-secrets';
import { Tool } from './tool.entity';
import type { ToolRepository } from './tool.repository';

useVirtualTime();

/** The rows of tools, without a database. */
class FakeTools {
  readonly rows = new Map<string, Tool>();
  queries = 0;
  /** Thrown by every query. */
  failure: Error | null = null;
  /** Every query ends only when this does. */
  gate: Promise<void> | null = null;

  add(id: string, given: Partial<Tool> = {}): Tool {
    const row = Object.assign(
      new Tool(),
      aSupervisedTool({ id, name: id }),
      { enabled: true, desired: 'running' },
      given,
    );
    this.rows.set(id, row);
    return row;
  }

  listDesiredRunning(): Promise<Tool[]> {
    return this.ask([...this.rows.values()].filter((row) => row.enabled && row.desired === 'running'));
  }

  listWishes(): Promise<Tool[]> {
    return this.ask([...this.rows.values()]);
  }

  findById(id: string): Promise<Tool | null> {
    return this.ask(this.rows.get(id) ?? null);
  }

  findByName(name: string): Promise<Tool | null> {
    return this.findById(name);
  }

  setDesired(id: string, desired: Tool['desired']): Promise<void> {
    const row = this.rows.get(id);
    if (row) row.desired = desired;
    return this.ask(undefined);
  }

  private async ask<T>(answer: T): Promise<T> {
    this.queries++;
    await this.gate;
    if (this.failure) throw this.failure;
    return answer;
  }
}

class House {
  readonly tools = new FakeTools();
  readonly clock = new FakeClock();
  readonly spawner: FakeSpawner;
  readonly supervisor: SupervisorService;
  readonly registry: ToolRegistry;
  readonly reconciler: ToolReconciler;
  readonly runtime: ToolRuntimeService;
  /** Their secrets can't be opened. */
  readonly unreadable = new Set<string>();

  constructor(behave: (index: number) => FakeBehaviour = () => ({})) {
    const config = {
      environmentOfChildren: { PATH: process.env.PATH },
      mcpEnvPassthrough: [],
      mcpMaxMessageBytes: 1_024 * 1_024,
      dataDir: temporaryFolder(),
    } as unknown as AppConfig;
    const clock = new SystemClock();
    const events = new Events();
    this.spawner = new FakeSpawner(behave);
    this.supervisor = new SupervisorService(
      this.spawner,
      new GroupUsageReader(clock),
      new TrafficTap(),
      config,
      clock,
      events,
    );
    const tools = this.tools as unknown as ToolRepository;
    const secrets = { toSupervised: (row: Tool) => this.open(row) } as unknown as ToolSecrets;
    const recorder = { protect: () => undefined } as unknown as Recorder;
    this.registry = new ToolRegistry(
      tools,
      secrets,
      this.supervisor,
      recorder,
      new DefinitionPolicy(config, { get: () => false } as unknown as Settings),
      events,
      new ToolNames(),
    );
    this.reconciler = new ToolReconciler(tools, this.registry, this.supervisor, this.clock);
    this.runtime = new ToolRuntimeService(this.registry, this.supervisor, {} as OfferingService, {} as ToolDefaults);
  }

  stateOf(id: string): string {
    return this.supervisor.snapshot(id).state;
  }

  reaches(id: string, state: string): Promise<boolean> {
    return soon(() => this.stateOf(id) === state);
  }

  private open(row: Tool) {
    if (this.unreadable.has(row.id)) throw new Error('The definition can not be read');
    const { id, name, restartPolicy, maxRetries } = row;
    return aSupervisedTool({ id, name, restartPolicy, maxRetries });
  }
}

const houses: House[] = [];
function house(behave?: (index: number) => FakeBehaviour): House {
  const one = new House(behave);
  houses.push(one);
  return one;
}

let warn: jest.SpyInstance;
let error: jest.SpyInstance;
beforeAll(() => Logger.overrideLogger(false));
beforeEach(() => {
  warn = jest.spyOn(Logger.prototype, 'warn');
  error = jest.spyOn(Logger.prototype, 'error');
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const { supervisor, spawner, reconciler } of houses.splice(0)) {
    reconciler.onModuleDestroy();
    for (const child of spawner.children) child.exit(0);
    await supervisor.stopAll();
  }
});
afterAll(removeTemporaryFolders);

describe('the start of MCPS.ONE', () => {
  it('starts what is to run in the order it was made, a moment apart, and nothing else', async () => {
    const one = house();
    for (const id of ['a', 'b', 'c']) one.tools.add(id);
    one.tools.add('off', { enabled: false });
    one.tools.add('stopped', { desired: 'stopped' });
    one.tools.add('demanded', { desired: 'on-demand' });
    const begun: [string, number][] = [];
    const start = one.supervisor.start.bind(one.supervisor);
    jest.spyOn(one.supervisor, 'start').mockImplementation((tool) => {
      begun.push([tool.id, performance.now()]);
      return start(tool);
    });
    await one.reconciler.onApplicationBootstrap();
    await one.reaches('c', 'running');
    expect(begun.map(([id]) => id)).toEqual(['a', 'b', 'c']);
    const gaps = begun.slice(1).map(([, at], index) => at - (begun[index]?.[1] ?? 0));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(45);
    expect(['off', 'stopped', 'demanded'].map((id) => one.stateOf(id))).toEqual(['stopped', 'stopped', 'stopped']);
  });

  it('does not start any more what was stopped while it waited for its turn', async () => {
    const one = house();
    for (const id of ['a', 'b']) one.tools.add(id);
    await one.reconciler.onApplicationBootstrap();
    await one.runtime.stop('b');
    await one.reaches('a', 'running');
    await one.reconciler.tick();
    expect([one.stateOf('b'), one.spawner.asked]).toEqual(['stopped', 1]);
  });

  it('goes on when one definition can not be read', async () => {
    const one = house();
    one.tools.add('broken');
    one.tools.add('sound');
    one.unreadable.add('broken');
    await one.reconciler.onApplicationBootstrap();
    await one.reaches('sound', 'running');
    await one.reconciler.tick();
    // Told once, not at each tick.
    expect(error).toHaveBeenCalledTimes(1);
  });
});

describe('a tick', () => {
  it('starts what is to run and was lost, and tells when it came', async () => {
    const one = house();
    one.tools.add('lost');
    expect(one.reconciler.lastTickAt).toBeNull();
    one.clock.advance(1_234);
    await one.reconciler.tick();
    await one.reaches('lost', 'running');
    expect(one.reconciler.lastTickAt).toBe(1_234);
  });

  it('starts what came to rest although it is to run, such as one that could not be killed and is gone at last', async () => {
    const one = house();
    one.tools.add('stuck');
    await one.runtime.start('stuck');
    await one.supervisor.stop('stuck');
    await one.reconciler.tick();
    await one.reaches('stuck', 'running');
    expect([one.spawner.asked, one.spawner.mostAlive]).toEqual([2, 1]);
  });

  it('leaves alone what has ended as its policy wants, and what has failed', async () => {
    const one = house((index) => (index === 1 ? { refuses: { code: -1, message: 'no' } } : {}));
    one.tools.add('settled', { restartPolicy: 'on-failure' });
    await one.runtime.start('settled');
    one.spawner.last.exit(0);
    await one.reaches('settled', 'stopped');
    one.tools.add('failed', { restartPolicy: 'never' });
    await one.runtime.start('failed').catch(() => undefined);
    await one.reaches('failed', 'failed');
    const { asked } = one.spawner;
    for (let round = 0; round < 3; round++) await one.reconciler.tick();
    expect([one.stateOf('settled'), one.stateOf('failed'), one.spawner.asked]).toEqual(['stopped', 'failed', asked]);
  });

  it('stops what is disabled and forgets what is no more, with its process', async () => {
    const one = house();
    for (const id of ['off', 'gone']) {
      one.tools.add(id);
      await one.runtime.start(id);
    }
    const row = one.tools.rows.get('off');
    if (row) row.enabled = false;
    one.tools.rows.delete('gone');
    await one.reconciler.tick();
    await soon(() => one.spawner.alive.length === 0);
    await soon(() => one.supervisor.life('gone') === null);
    expect(one.supervisor.life('off')).toMatchObject({ phase: 'stopped' });
  });

  it('does not take a trial for a tool that is no more', async () => {
    const one = house();
    await one.supervisor.trial(aSupervisedTool({ id: 'tried' }), [], async () => {
      await one.reconciler.tick();
      expect(one.spawner.alive).toHaveLength(1);
    });
  });

  it('survives a database that is away, tells it once, and goes on when it is back', async () => {
    const one = house();
    one.tools.add('a');
    one.tools.failure = new Error('connection refused');
    for (let round = 0; round < 3; round++) await one.reconciler.tick();
    expect(warn).toHaveBeenCalledTimes(1);
    one.tools.failure = null;
    await one.reconciler.tick();
    await one.reaches('a', 'running');
  });

  it('does not overlap with the one before, and is noted all the same', async () => {
    const one = house();
    let open = (): void => undefined;
    one.tools.gate = new Promise((resolve) => (open = resolve));
    const first = one.reconciler.tick();
    one.clock.advance(5_000);
    await one.reconciler.tick();
    expect([one.tools.queries, one.reconciler.lastTickAt]).toEqual([1, 5_000]);
    open();
    await first;
  });

  it('costs one query when all is as wished', async () => {
    const one = house();
    for (const id of ['a', 'b']) {
      one.tools.add(id);
      await one.runtime.start(id);
    }
    one.tools.queries = 0;
    await one.reconciler.tick();
    expect(one.tools.queries).toBe(1);
  });

  it('does nothing any more once MCPS.ONE stops', async () => {
    const one = house();
    one.tools.add('a');
    one.reconciler.onModuleDestroy();
    await one.reconciler.tick();
    expect([one.tools.queries, one.spawner.asked]).toEqual([0, 0]);
  });
});

describe('a start while MCPS.ONE stops', () => {
  it.each(['start', 'restart'] as const)('is refused before the wish is kept (%s)', async (command) => {
    const one = house();
    one.tools.add('a', { desired: 'stopped' });
    await one.supervisor.stopAll();
    await expect(one.runtime[command]('a')).rejects.toMatchObject({ code: 'shutting_down' });
    expect(one.tools.rows.get('a')?.desired).toBe('stopped');
  });
});

describe('a call to a tool that is stopping', () => {
  it('is refused at once and in these words', async () => {
    const one = house(() => ({ ignoresEof: true }));
    one.tools.add('a');
    await one.runtime.start('a');
    const stopped = one.runtime.stop('a');
    await one.reaches('a', 'stopping');
    const refused = { code: 'tool_not_running', message: 'a is stopping; it takes no new calls' };
    await expect(one.runtime.call('a', { name: 'echo' }, 'x')).rejects.toMatchObject(refused);
    one.spawner.last.exit(0);
    await stopped;
  });
});
