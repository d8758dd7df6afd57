import { Logger } from '@nestjs/common';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { FakeClock } from '../../test/support/fake-clock';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { removeTemporaryFolders, temporaryFolder } from '../../test/support/temporary-folder';
import { soon, useVirtualTime } from '../../test/support/virtual-time';
import { SystemClock } from '../common/clock';
import type { AppConfig } from '../config/app-config';
import { Events } from '../events/events';
import { TrafficTap } from '../mcp/traffic-tap';
import { GroupUsageReader } from './group-usage';
import { HealthMonitor } from './health-monitor';
import { SupervisorService } from './supervisor.service';

useVirtualTime();

/** The silence before a question passes on the fake clock, the time for the answer by itself. */
const INTERVAL_MS = 50;

class Ward {
  readonly clock = new FakeClock();
  readonly spawner: FakeSpawner;
  readonly supervisor: SupervisorService;
  readonly monitor: HealthMonitor;

  constructor(behave: (index: number) => FakeBehaviour = () => ({}), intervalMs = INTERVAL_MS) {
    const config = {
      environmentOfChildren: { PATH: process.env.PATH },
      mcpEnvPassthrough: [],
      mcpMaxMessageBytes: 1_024 * 1_024,
      dataDir: temporaryFolder(),
      logDir: temporaryFolder(),
    } as unknown as AppConfig;
    const clock = new SystemClock();
    this.spawner = new FakeSpawner(behave);
    this.supervisor = new SupervisorService(
      this.spawner,
      new GroupUsageReader(clock),
      new TrafficTap(),
      config,
      clock,
      new Events(),
    );
    this.monitor = new HealthMonitor(this.supervisor, this.clock);
    this.monitor.askAfter(intervalMs);
  }

  /** So much time without a word, tick by tick. */
  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += INTERVAL_MS) {
      this.clock.advance(INTERVAL_MS);
      this.monitor.tick();
    }
  }

  /** A ready tool that has answered its first ping. */
  async start(name: string): Promise<void> {
    await this.supervisor.start(aSupervisedTool({ id: name, name, timeoutMs: 200 }));
    const ping = this.spawner.last;
    await soon(() => ping.methods.includes('ping'));
    if (this.spawner.last.isFrozen) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.monitor.tick();
  }

  pings(index = 0): number {
    return this.spawner.children[index]?.methods.filter((method) => method === 'ping').length ?? 0;
  }

  error(name: string): string | null {
    return this.supervisor.snapshot(name).lastError?.code ?? null;
  }

  /** Looks every few milliseconds. */
  async until(_what: string, condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const wards: Ward[] = [];

function ward(behave?: (index: number) => FakeBehaviour, intervalMs?: number): Ward {
  const one = new Ward(behave, intervalMs);
  wards.push(one);
  return one;
}

beforeAll(() => Logger.overrideLogger(false));
afterEach(async () => {
  for (const { supervisor, spawner, monitor } of wards.splice(0)) {
    monitor.onModuleDestroy();
    for (const child of spawner.children) child.exit(0);
    await supervisor.stopAll();
  }
});
afterAll(removeTemporaryFolders);

describe('the health of running tools', () => {
  it('is asked for after a time of silence, and refreshes the round trip', async () => {
    const one = ward();
    await one.start('a');
    const first = one.supervisor.session('a')!;
    await one.until('the first ping was answered', () => first.pingMs !== null);
    first.pingMs = null;
    one.pass(3 * INTERVAL_MS);
    await one.until('it was asked again', () => one.pings() >= 2 && first.pingMs !== null);
    expect(one.supervisor.snapshot('a')).toMatchObject({ state: 'running', lastError: null });
  });

  it('is not asked for while a call is in flight, however long', async () => {
    const one = ward();
    await one.start('a');
    const { peer } = one.supervisor.session('a')!;
    const call = peer!.request({ method: 'tools/call', timeoutMs: 60_000, client: 'x', sessionId: null });
    one.pass(100 * INTERVAL_MS);
    await new Promise((resolve) => setImmediate(resolve));
    expect([one.pings(), one.error('a')]).toEqual([1, null]);
    one.spawner.last.exit(0);
    await expect(call).rejects.toThrow();
  });

  it('F23: degrades what does not answer, takes it back when it does', async () => {
    const one = ward();
    await one.start('a');
    const [child] = one.spawner.children;
    child!.isFrozen = true;
    one.pass(2 * INTERVAL_MS);
    await one.until('it is degraded', () => one.error('a') === 'unresponsive');
    expect(one.supervisor.snapshot('a')).toMatchObject({ state: 'running' });
    child!.isFrozen = false;
    child!.say({ method: 'notifications/message', params: {} });
    await one.until('it recovers', () => {
      one.pass(INTERVAL_MS);
      return one.error('a') === null;
    });
    expect(one.supervisor.snapshot('a')).toMatchObject({ state: 'running', restarts: 0 });
  });

  it('F23: ends a life after three misses in a row, and the policy starts another', async () => {
    const one = ward();
    await one.start('a');
    const session = one.supervisor.session('a')!;
    await one.until('it has answered', () => session.pingMs !== null);
    one.spawner.last.isFrozen = true;
    await one.until('it is condemned', () => {
      one.pass(INTERVAL_MS);
      return one.supervisor.snapshot('a').state !== 'running';
    });
    // Its first ping at the start, and the three.
    expect(one.pings()).toBe(4);
    await one.until('it waits or is back', () => ['backoff', 'running'].includes(one.supervisor.snapshot('a').state));
    expect(one.supervisor.snapshot('a').lastError?.code ?? 'unresponsive').toBe('unresponsive');
    expect(one.spawner.mostAlive).toBe(1);
  });

  it('F32: forgives every miss right after we ourselves were stopped', async () => {
    const one = ward();
    await Promise.all(['a', 'b', 'c'].map((name) => one.start(name)));
    for (const child of one.spawner.children) child.isFrozen = true;
    one.pass(2 * INTERVAL_MS);
    one.clock.advance(60_000);
    one.monitor.tick();
    const asked = one.pings();
    expect(asked).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 2 * INTERVAL_MS)); // longer than the answers may take: nothing tells that nothing comes
    expect(['a', 'b', 'c'].map((name) => one.error(name))).toEqual([null, null, null]);
  });

  it('leaves a server alone that never answers pings but else does what it should', async () => {
    const one = ward(() => ({ ignoresPing: true }));
    await one.start('a');
    const session = one.supervisor.session('a')!;
    await session.peer!.request({ method: 'tools/list', timeoutMs: 1_000, client: 'x', sessionId: null });
    await one.until('our own first ping has ended', () => session.peer!.inFlight === 0);
    for (let round = 0; round < 6; round++) {
      one.pass(2 * INTERVAL_MS);
      await one.until('the question has ended', () => session.peer!.inFlight === 0);
    }
    expect(one.pings()).toBe(2);
    expect(one.supervisor.snapshot('a')).toMatchObject({ state: 'running', lastError: null });
  });

  it('is asked for by nobody when the interval is 0', () => {
    const timers = () => jest.getTimerCount();
    const one = ward(undefined, 0);
    const before = timers();
    one.monitor.onApplicationBootstrap();
    expect(timers()).toBe(before);
  });

  it('is asked for sooner as soon as the interval is a shorter one, not at all when it is 0, and then again', async () => {
    const one = ward(undefined, 3_600_000);
    await one.start('a');
    const { peer } = one.supervisor.session('a')!;
    const asked = async (): Promise<number> => {
      one.pass(3 * INTERVAL_MS);
      await one.until('no question is open', () => peer!.inFlight === 0);
      one.monitor.tick();
      return one.pings();
    };
    await one.until('the first ping was answered', () => peer!.inFlight === 0);
    expect(await asked()).toBe(1);
    one.monitor.askAfter(INTERVAL_MS);
    expect(await asked()).toBe(2);
    one.monitor.askAfter(0);
    one.monitor.askAfter(3_600_000);
    expect(await asked()).toBe(2);
    one.monitor.askAfter(INTERVAL_MS);
    expect(await asked()).toBe(3);
  });

  it('is no longer doubted when nobody asks any more', async () => {
    const one = ward();
    await one.start('a');
    one.spawner.last.isFrozen = true;
    one.pass(2 * INTERVAL_MS);
    await one.until('it is degraded', () => one.error('a') === 'unresponsive');
    one.monitor.askAfter(0);
    expect(one.supervisor.snapshot('a')).toMatchObject({ state: 'running', lastError: null });
  });

  it('keeps what is known of its silence when the interval changes meanwhile', async () => {
    const one = ward();
    await one.start('a');
    const session = one.supervisor.session('a')!;
    await one.until('it has answered', () => session.pingMs !== null);
    one.spawner.last.isFrozen = true;
    one.pass(2 * INTERVAL_MS);
    await one.until('it is degraded', () => one.error('a') === 'unresponsive');
    one.monitor.askAfter(INTERVAL_MS + 1);
    await one.until('it is condemned', () => {
      one.pass(INTERVAL_MS);
      return one.supervisor.snapshot('a').state !== 'running';
    });
    expect(one.pings()).toBe(4);
  });

  it('is not asked of a hundred tools at once that became ready at once', async () => {
    const one = ward(undefined, 60_000);
    const names = Array.from({ length: 100 }, (_, index) => `t${index}`);
    await Promise.all(names.map((name) => one.supervisor.start(aSupervisedTool({ id: name, name }))));
    // Their first ping, and what follows from it, is over.
    await one.until('all are quiet', () =>
      [...one.supervisor.runningSessions().values()].every(
        ({ peer, pingMs }) => pingMs !== null && peer?.inFlight === 0,
      ),
    );
    one.monitor.tick();
    const all = (): number => one.spawner.children.reduce((sum, _child, index) => sum + one.pings(index), -100);
    const counts: number[] = [];
    for (let passed = 0; passed < 75_000; passed += 5_000) {
      one.clock.advance(5_000);
      one.monitor.tick();
      // What is sent in one turn of the event loop is written at its end.
      await new Promise((resolve) => setImmediate(resolve));
      counts.push(all());
    }
    const asked = counts.map((count, index) => count - (counts[index - 1] ?? 0));
    expect(counts.at(-1)).toBe(100);
    expect(Math.max(...asked)).toBeLessThan(60);
  });

  it('is asked for of all others where one tool can not be judged, or its question fails as nobody foresaw', async () => {
    const one = ward();
    for (const name of ['broken', 'deaf', 'well']) await one.start(name);
    const boom = (): never => {
      throw new Error('boom');
    };
    Object.defineProperty(one.supervisor.session('broken'), 'peer', { get: boom, configurable: true });
    one.supervisor.session('deaf')!.ping = () => Promise.reject(new Error('boom'));
    const heard: unknown[] = [];
    const note = (reason: unknown) => void heard.push(reason);
    process.on('unhandledRejection', note);
    one.pass(3 * INTERVAL_MS);
    await one.until('the last one was asked', () => one.pings(2) >= 2);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(heard).toEqual([]);
    Object.defineProperty(one.supervisor.session('broken'), 'peer', { value: null, configurable: true });
    expect(['broken', 'deaf', 'well'].map((name) => one.supervisor.snapshot(name).state)).toEqual(
      Array(3).fill('running'),
    );
  });
});
