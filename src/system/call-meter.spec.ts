import { aTrafficRecord } from '../../test/support/a-traffic-record';
import type { TrafficRecord } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { MetricFamilies, type MetricSample } from '../metrics/metric-families';
import { CallMeter } from './call-meter';

describe('calls of clients', () => {
  let tap: TrafficTap;
  let families: MetricFamilies;
  let meter: CallMeter;
  beforeEach(() => {
    tap = new TrafficTap();
    families = new MetricFamilies();
    meter = new CallMeter(tap, families);
    meter.onModuleInit();
  });

  const ends = (given: Partial<TrafficRecord>) => {
    const end = { direction: 'from-server', kind: 'response', outcome: 'ok', durationMs: 20, client: 'admin' } as const;
    tap.record(aTrafficRecord({ toolId: 't', toolName: 'tool', method: 'tools/call', ...end, ...given }));
  };
  const samples = (): MetricSample[] => [...families.all].flatMap(({ collect }) => [...collect()]);
  const counts = () =>
    samples()
      .filter(({ suffix }) => suffix === '_count')
      .map(({ labels: { tool, method, outcome }, value }) => `${tool} ${method} ${outcome} ${value}`);

  it('are counted by tool, method and outcome, each with how long it took', () => {
    ends({});
    ends({ durationMs: 300 });
    ends({ outcome: 'timeout' });
    ends({ toolId: 'u', toolName: 'other-tool', method: 'resources/read' });
    expect(counts()).toEqual(['tool tools/call ok 2', 'tool tools/call timeout 1', 'other-tool resources/read ok 1']);
    const ofTool = samples().filter(({ labels }) => labels['tool'] === 'tool' && labels['outcome'] === 'ok');
    const bucket = (le: string) => ofTool.find(({ labels }) => labels['le'] === le)?.value;
    expect([bucket('0.01'), bucket('0.025'), bucket('0.25'), bucket('0.5'), bucket('+Inf')]).toEqual([0, 1, 1, 2, 2]);
    expect(ofTool.find(({ suffix }) => suffix === '_sum')?.value).toBeCloseTo(0.32);
  });

  it('of methods that nobody knows are `other`, however many a client thinks of', () => {
    for (let n = 0; n < 1_000; n++) ends({ method: `made/up-${n}` });
    ends({ method: null });
    expect(counts()).toEqual(['tool other ok 1001']);
  });

  it.each<[string, Partial<TrafficRecord>]>([
    ['what MCPS.ONE asks by itself', { client: 'mcps' }],
    ['a request on its way', { direction: 'to-server', outcome: null }],
    ['a notification', { kind: 'notification', outcome: null }],
    ['an answer after the timeout', { late: true }],
  ])('do not include %s', (_, given) => {
    ends(given);
    expect([counts(), meter.calls]).toEqual([[], 0]);
  });

  it('of a deleted tool vanish, and those of a renamed one go on under its new name', () => {
    ends({});
    ends({ toolId: 'gone', toolName: 'gone' });
    meter.keep(new Map([['t', 'renamed']]));
    expect(counts()).toEqual(['renamed tools/call ok 1']);
  });

  it('are told to who keeps the series, and their errors counted: a cancelled call is none', () => {
    const told: unknown[] = [];
    meter.onCall((outcome, durationMs) => told.push([outcome, durationMs]));
    ends({});
    ends({ outcome: 'tool_error' });
    ends({ outcome: 'cancelled', durationMs: null });
    expect(told).toEqual([
      ['ok', 20],
      ['tool_error', 20],
      ['cancelled', null],
    ]);
    expect([meter.calls, meter.errors]).toEqual([3, 1]);
  });
});
