import { aTrafficRecord } from '../../test/support/a-traffic-record';
import { FakeClock } from '../../test/support/fake-clock';
import type { TrafficRecord } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import type { MetricPoint } from '../metrics/metric-point';
import type { MetricPointRepository } from '../metrics/metric-point.repository';
import { MetricStore } from '../metrics/metric-store';
import type { ResourceSampler } from '../supervisor/resource-sampler';
import type { SupervisorService } from '../supervisor/supervisor.service';
import { STOPPED_SNAPSHOT, type ToolSnapshot } from '../supervisor/tool-snapshot';
import { ToolMetricsCollector } from './tool-metrics-collector';

/** A tool `t` that is ready, and what is measured of it. */
class House {
  readonly clock = new FakeClock();
  readonly store = new MetricStore(
    { exists: () => Promise.resolve(false) } as unknown as MetricPointRepository,
    this.clock,
  );
  readonly tap = new TrafficTap();
  snapshot: ToolSnapshot = {
    ...STOPPED_SNAPSHOT,
    state: 'running',
    usage: { cpuPercent: 12, memoryBytes: 1_000, processes: 1 },
  };
  private sampled: () => void = () => undefined;
  private ready: (toolId: string) => void = () => undefined;

  constructor() {
    const sampler = { onSample: (listener: () => void) => (this.sampled = listener) };
    const supervisor = {
      onReady: (listener: (toolId: string) => void) => (this.ready = listener),
      snapshot: () => this.snapshot,
    };
    const collector = new ToolMetricsCollector(
      this.store,
      this.tap,
      sampler as unknown as ResourceSampler,
      supervisor as unknown as SupervisorService,
      this.clock,
    );
    collector.onModuleInit();
    this.ready('t');
  }

  sample(): void {
    this.sampled();
  }

  /** The end of a call of a client, unless said otherwise. */
  ends(given: Partial<TrafficRecord>): void {
    const end = { direction: 'from-server', kind: 'response', outcome: 'ok', durationMs: 20, client: 'admin' } as const;
    this.tap.record(aTrafficRecord({ toolId: 't', at: this.clock.now(), ...end, ...given }));
  }

  async point(): Promise<MetricPoint | null> {
    this.clock.advance(1);
    const { points } = await this.store.read('t', { stepSeconds: 10 });
    return points.at(-1)?.point ?? null;
  }
}

describe('what is measured of a tool', () => {
  let house: House;
  beforeEach(() => {
    house = new House();
  });

  const counted = async () => {
    const point = await house.point();
    return [point?.counted('calls'), point?.counted('errors'), point?.quantile(0.5) === null];
  };

  it('is the end of each call of a client', async () => {
    house.ends({});
    house.ends({ method: 'resources/read' });
    expect(await counted()).toEqual([2, 0, false]);
  });

  it.each<[string, Partial<TrafficRecord>]>([
    ['what MCPS.ONE asks by itself', { client: 'mcps' }],
    ['an answer to nobody', { client: null }],
    ['a request on its way', { direction: 'to-server', outcome: null }],
    ['a notification', { kind: 'notification', outcome: null }],
    ['our answer to the server', { direction: 'to-server' }],
    ['an answer that came after the timeout', { late: true }],
    ['another tool', { toolId: 'nobody' }],
  ])('is not %s', async (_, given) => {
    house.ends(given);
    expect(await counted()).toEqual([0, 0, true]);
  });

  it.each<[TrafficRecord['outcome'], number, boolean]>([
    ['tool_error', 1, true],
    ['rpc_error', 1, true],
    ['timeout', 1, true],
    ['transport_error', 1, false],
    ['cancelled', 0, false],
  ])('knows what %s means: errors %s, timed %s', async (outcome, errors, isTimed) => {
    house.ends({ outcome });
    expect(await counted()).toEqual([1, errors, !isTimed]);
  });

  it('is what it uses, at each sample while it runs', async () => {
    house.sample();
    house.snapshot = { ...house.snapshot, usage: { cpuPercent: null, memoryBytes: 3_000, processes: 1 } };
    house.sample();
    const point = await house.point();
    expect([point?.average('cpuPercent'), point?.average('memoryBytes'), point?.counted('calls')]).toEqual([
      12, 2_000, 0,
    ]);
  });

  it('is nothing at all while it does not run, and only calls of a remote one', async () => {
    house.clock.advance(10_000);
    house.snapshot = { ...house.snapshot, state: 'backoff', usage: null };
    house.sample();
    expect(await house.point()).toBeNull();
    house.snapshot = { ...house.snapshot, state: 'running' };
    house.sample();
    const point = await house.point();
    expect([point?.average('memoryBytes'), point?.counted('calls')]).toEqual([null, 0]);
  });

  it('ends with the tool', () => {
    const ended = jest.spyOn(house.store, 'end');
    house.snapshot = STOPPED_SNAPSHOT;
    house.sample();
    house.sample();
    expect(ended.mock.calls).toEqual([['t']]);
  });
});
