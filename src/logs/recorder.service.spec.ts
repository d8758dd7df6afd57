import { Logger } from '@nestjs/common';
import { aTrafficRecord } from '../../test/support/a-traffic-record';
import { anInProcessWriter } from '../../test/support/in-process-writer';
import { removeTemporaryFolders } from '../../test/support/temporary-folder';
import { TrafficTap } from '../mcp/traffic-tap';
import { Recorder } from './recorder.service';

function aRecorder(limits?: Parameters<typeof anInProcessWriter>[0]) {
  const { store, writer, writers } = anInProcessWriter(limits);
  const tap = new TrafficTap();
  return { store, writer, writers, tap, recorder: new Recorder(writer, tap) };
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the recorder', () => {
  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(() => jest.useFakeTimers());

  afterEach(() => {
    jest.useRealTimers();
    removeTemporaryFolders();
  });

  it('records what passes the tap, also what passed before it was there', async () => {
    const { store, tap, recorder } = aRecorder();
    tap.record(aTrafficRecord({ method: 'initialize' }));
    recorder.onModuleInit();
    tap.record(aTrafficRecord({ method: 'ping' }));
    await pass(100);
    expect(store.mcp.map(({ seq, method }) => [seq, method])).toEqual([
      [1, 'initialize'],
      [2, 'ping'],
    ]);
  });

  it('stores a message with all that is known of it', async () => {
    const { store, recorder } = aRecorder();
    const record = aTrafficRecord({
      at: 5,
      sessionId: 's-1',
      direction: 'from-server',
      kind: 'response',
      rpcId: 'r"1',
      outcome: 'ok',
      durationMs: 1.5,
      sizeBytes: 123,
    });
    recorder.record(record);
    await pass(100);
    const { rpcId: _, ...plain } = record;
    expect(store.mcp).toMatchObject([{ ...plain, seq: 1, rpcId: '"r\\"1"', truncated: false }]);
  });

  it('keeps the order, whatever the batches', async () => {
    const { store, recorder } = aRecorder();
    for (let n = 1; n <= 1_000; n++) recorder.record(aTrafficRecord({ rpcId: n }));
    await Promise.all([recorder.settled(), pass(500)]);
    const expected = Array.from({ length: 1_000 }, (_, index) => [index + 1, String(index + 1)]);
    expect(store.mcp.map(({ seq, rpcId }) => [seq, rpcId])).toEqual(expected);
    const { mcp } = store;
    expect([...mcp].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(mcp);
  });

  it('stores no secret of the tool, in payload or target, not even where the payload is cut', async () => {
    const { store, recorder } = aRecorder();
    recorder.protect('t-1', ['sk-secret-1', 'line\none-of-a-key']);
    const filler = 'x'.repeat(32 * 1024 - 5);
    recorder.record(aTrafficRecord({ payload: '{"key":"sk-secret-1","pem":"line\\none-of-a-key"}' }));
    recorder.record(aTrafficRecord({ target: 'file:///sk-secret-1', payload: `${filler}sk-secret-1${filler}` }));
    recorder.record(aTrafficRecord({ toolId: 't-2', payload: 'sk-secret-1 of another tool' }));
    await pass(100);
    expect(store.mcp.map(({ payload }) => payload?.slice(0, 30))).toEqual([
      '{"key":"***","pem":"***"}',
      expect.stringMatching(/^x+$/),
      'sk-secret-1 of another tool',
    ]);
    expect(store.mcp[1]?.target).toBe('file:///***');
    expect(JSON.stringify(store.mcp.slice(0, 2))).not.toMatch(/sk-s|secret|one-of-a-key/);
  });

  it('survives a database that is away: nothing is lost, doubled or out of order (F47)', async () => {
    const { store, recorder } = aRecorder();
    recorder.record(aTrafficRecord({ rpcId: 1 }));
    await pass(100);
    store.failure = new Error('away');
    recorder.record(aTrafficRecord({ rpcId: 2 }));
    await pass(1_000);
    recorder.record(aTrafficRecord({ rpcId: 3 }));
    await pass(20_000);
    expect(recorder.counters).toMatchObject({ queued: 2, written: 1, dropped: 0 });
    expect(recorder.counters.spoolBytes).toBeGreaterThan(0);
    store.failure = null;
    await pass(6_000);
    expect(store.mcp.map(({ rpcId }) => rpcId)).toEqual(['1', '2', '3']);
    expect(recorder.counters).toMatchObject({ queued: 0, written: 3, dropped: 0, spoolBytes: 0, lagMs: 0 });
  });

  it("keeps of huge messages what is stored of them, so that a few don't fill the queue", async () => {
    const { store, recorder } = aRecorder();
    const payload = `{"text":"${'x'.repeat(16 * 1024 * 1024)}"}`;
    for (let n = 0; n < 20; n++) recorder.record(aTrafficRecord({ payload }));
    expect(recorder.counters).toMatchObject({ queued: 20, dropped: 0 });
    await pass(1_000);
    expect(store.mcp).toHaveLength(20);
    expect(store.mcp[0]).toMatchObject({ truncated: true });
    expect(store.mcp[0]?.payload?.length).toBeLessThan(70_000);
  });

  it('gives up payloads first and then records when neither the database nor the spool takes them, by tool and reason (F64)', async () => {
    const { store, recorder } = aRecorder({ maxBytes: 200_000 });
    store.failure = new Error('away');
    const payload = 'x'.repeat(10_000);
    for (let n = 0; n < 2_000; n++) recorder.record(aTrafficRecord({ rpcId: n, payload }));
    await pass(2_000);
    const { queued, dropped, payloadsDropped, droppedBy, spoolBytes } = recorder.counters;
    expect(queued + dropped).toBe(2_000);
    expect(payloadsDropped).toBeGreaterThan(100);
    expect(dropped).toBeGreaterThan(100);
    expect(spoolBytes).toBeLessThanOrEqual(200_000);
    expect(droppedBy).toEqual([
      { tool: 'weather', reason: 'spool_full', what: 'payload', count: payloadsDropped },
      { tool: 'weather', reason: 'spool_full', what: 'record', count: dropped },
    ]);
  });

  it('never lets the relay wait or fail, not even where the queue itself is full', async () => {
    const { writer, recorder } = aRecorder();
    jest.spyOn(writer, 'writeMessages').mockReturnValue(new Promise(() => undefined));
    const payload = 'x'.repeat(60_000);
    for (let n = 0; n < 60_000; n++) recorder.record(aTrafficRecord({ payload }));
    const { queued, dropped, payloadsDropped, droppedBy } = recorder.counters;
    expect(queued + dropped).toBe(60_000);
    expect(queued).toBeGreaterThan(40_000);
    expect(payloadsDropped).toBeGreaterThan(queued - 1_000);
    expect(droppedBy.map(({ reason, what }) => [reason, what])).toEqual([
      ['queue_full', 'payload'],
      ['queue_full', 'record'],
    ]);
    await pass(0);
  });

  it('cuts what the columns can not take and leaves out what no database can', async () => {
    const { store, recorder } = aRecorder();
    const long = 'x'.repeat(5_000);
    recorder.record(aTrafficRecord({ method: long, target: long, client: long, rpcId: long }));
    recorder.record(aTrafficRecord({ method: 'a\0b', target: 'a\0b', client: 'a\0b', rpcId: 'a\0b', payload: 'a\0b' }));
    recorder.record(aTrafficRecord({ method: null, target: null, client: null, rpcId: null, payload: null }));
    await pass(100);
    const [cut, clean, empty] = store.mcp;
    const lengths = [cut?.method, cut?.target, cut?.client, cut?.rpcId].map((text) => text?.length);
    expect(lengths).toEqual([128, 2_000, 200, 128]);
    expect(Object.values(clean ?? {}).filter((value) => String(value).includes('\0'))).toEqual([]);
    expect(clean?.rpcId).toBe('"a\\u0000b"');
    expect(empty).toMatchObject({ method: null, target: null, client: null, rpcId: null, payload: null });
  });

  it('lets its writer go when there is nothing to do, and takes another one when there is', async () => {
    const { store, recorder } = aRecorder();
    recorder.record(aTrafficRecord({ rpcId: 1 }));
    await pass(89_000);
    expect(store.isClosed).toBe(false);
    await pass(2_000);
    expect(store.isClosed).toBe(true);
    recorder.record(aTrafficRecord({ rpcId: 2 }));
    await pass(100);
    expect(store.mcp.map(({ rpcId }) => rpcId)).toEqual(['1', '2']);
    expect(recorder.counters).toMatchObject({ queued: 0, written: 2 });
  });

  it('keeps its writer while rows wait in the spool', async () => {
    const { store, recorder } = aRecorder();
    store.failure = new Error('away');
    recorder.record(aTrafficRecord());
    await pass(150_000);
    expect(store.isClosed).toBe(false);
    store.failure = null;
    await pass(10_000);
    expect(store.mcp).toHaveLength(1);
    await pass(90_000);
    expect(store.isClosed).toBe(true);
  });

  it('writes what is left before the database closes', async () => {
    const { store, recorder, writers, tap } = aRecorder();
    recorder.onModuleInit();
    tap.record(aTrafficRecord());
    await Promise.all([writers.flushAll(), pass(10)]);
    expect(store.mcp).toHaveLength(1);
  });
});
