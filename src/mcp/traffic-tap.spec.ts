import { aTrafficRecord } from '../../test/support/a-traffic-record';
import type { TrafficRecord, TrafficSink } from './traffic';
import { TrafficTap } from './traffic-tap';

class Listener implements TrafficSink {
  readonly heard: TrafficRecord['rpcId'][] = [];

  record({ rpcId }: TrafficRecord): void {
    this.heard.push(rpcId);
  }
}

const records = [1, 2, 3].map((rpcId) => aTrafficRecord({ rpcId })) as [TrafficRecord, TrafficRecord, TrafficRecord];

describe('the traffic tap', () => {
  it('tells all who listen, in order; the first also what passed before', () => {
    const tap = new TrafficTap();
    const [first, second] = [new Listener(), new Listener()];
    tap.record(records[0]);
    tap.connect(first);
    tap.record(records[1]);
    tap.connect(second);
    tap.record(records[2]);
    expect([first.heard, second.heard]).toEqual([[1, 2, 3], [3]]);
  });

  it('tells the others although one fails, and lets the peer know', () => {
    const tap = new TrafficTap();
    const listeners = [new Listener(), new Listener()];
    const boom = () => {
      throw new Error('boom');
    };
    for (const sink of [listeners[0], { record: boom }, listeners[1]]) if (sink) tap.connect(sink);
    expect(() => tap.record(records[0])).toThrow('boom');
    expect(listeners.map(({ heard }) => heard)).toEqual([[1], [1]]);
  });

  it('keeps no more than a thousand records for nobody', () => {
    const tap = new TrafficTap();
    for (let rpcId = 0; rpcId < 2_000; rpcId++) tap.record(aTrafficRecord({ rpcId }));
    const listener = new Listener();
    tap.connect(listener);
    expect(listener.heard).toHaveLength(1_000);
  });
});
