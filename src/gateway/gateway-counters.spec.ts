import { DURATION_BUCKETS_MS, GatewayCounters } from './gateway-counters';

describe('the counters of the gateway', () => {
  it('count calls by tool, method and outcome, with their durations', () => {
    const counters = new GatewayCounters();
    counters.ended('files', 'tools/call', 'ok', 0.5);
    counters.ended('files', 'tools/call', 'ok', 3);
    counters.ended('files', 'tools/call', 'timeout', 60_000);
    const [ok, timeout] = counters.series();
    expect(ok).toMatchObject({ tool: 'files', method: 'tools/call', outcome: 'ok', count: 2, sumMs: 3.5 });
    expect([ok?.buckets[0], ok?.buckets[2], timeout?.buckets[DURATION_BUCKETS_MS.length]]).toEqual([1, 1, 1]);
  });

  it('let no client make series without end', () => {
    const counters = new GatewayCounters();
    for (let n = 0; n < 1000; n += 1) counters.ended('files', `made/up/${n}`, 'rpc_error', 1);
    expect(counters.series()).toMatchObject([{ method: 'other', count: 1000 }]);
    counters.forget('files');
    expect(counters.series()).toEqual([]);
  });
});
