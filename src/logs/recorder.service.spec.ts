import { Logger } from '@nestjs/common';
import { aTrafficRecord } from '../../test/support/a-traffic-record';
import { MemoryLogRepository } from '../../test/support/memory-log-repository';
import { DatabaseWriters } from '../database/database-writers';
import { TrafficTap } from '../mcp/traffic-tap';
import type { McpLogRow } from './mcp-log.entity';
import type { McpLogRepository } from './mcp-log.repository';
import { Recorder } from './recorder.service';

function aRecorder(lastSeq = 0) {
  const repository = new MemoryLogRepository<McpLogRow>(lastSeq);
  const tap = new TrafficTap();
  const writers = new DatabaseWriters();
  const recorder = new Recorder(repository as unknown as McpLogRepository, tap, writers);
  return { repository, tap, writers, recorder };
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('the recorder', () => {
  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(() => jest.useFakeTimers());

  afterEach(() => jest.useRealTimers());

  it('records what passes the tap, also what passed before it was there', async () => {
    const { repository, tap, recorder } = aRecorder(41);
    tap.record(aTrafficRecord({ method: 'initialize' }));
    recorder.onModuleInit();
    tap.record(aTrafficRecord({ method: 'ping' }));
    await pass(100);
    expect(repository.rows.map(({ seq, method }) => [seq, method])).toEqual([
      [42, 'initialize'],
      [43, 'ping'],
    ]);
  });

  it('stores a message with all that is known of it', async () => {
    const { repository, recorder } = aRecorder();
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
    expect(repository.rows).toMatchObject([{ ...plain, seq: 1, rpcId: '"r\\"1"', truncated: false }]);
  });

  it('keeps the order, whatever the batches', async () => {
    const { repository, recorder } = aRecorder();
    for (let n = 1; n <= 1_000; n++) recorder.record(aTrafficRecord({ rpcId: n }));
    await Promise.all([recorder.settled(), pass(500)]);
    const expected = Array.from({ length: 1_000 }, (_, index) => [index + 1, String(index + 1)]);
    expect(repository.rows.map(({ seq, rpcId }) => [seq, rpcId])).toEqual(expected);
    expect([...repository.rows].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual(repository.rows);
  });

  it('stores no secret of the tool, in payload or target, not even where the payload is cut', async () => {
    const { repository, recorder } = aRecorder();
    recorder.protect('t-1', ['sk-secret-1', 'line\none-of-a-key']);
    const filler = 'x'.repeat(32 * 1024 - 5);
    recorder.record(aTrafficRecord({ payload: '{"key":"sk-secret-1","pem":"line\\none-of-a-key"}' }));
    recorder.record(aTrafficRecord({ target: 'file:///sk-secret-1', payload: `${filler}sk-secret-1${filler}` }));
    recorder.record(aTrafficRecord({ toolId: 't-2', payload: 'sk-secret-1 of another tool' }));
    await pass(100);
    expect(repository.rows.map(({ payload }) => payload?.slice(0, 30))).toEqual([
      '{"key":"***","pem":"***"}',
      expect.stringMatching(/^x+$/),
      'sk-secret-1 of another tool',
    ]);
    expect(repository.rows[1]?.target).toBe('file:///***');
    expect(JSON.stringify(repository.rows.slice(0, 2))).not.toMatch(/sk-s|secret|one-of-a-key/);
  });

  it('survives a database that is away: nothing is lost, doubled or out of order', async () => {
    const { repository, recorder } = aRecorder();
    recorder.record(aTrafficRecord({ rpcId: 1 }));
    await pass(100);
    repository.failure = new Error('away');
    recorder.record(aTrafficRecord({ rpcId: 2 }));
    await pass(1_000);
    recorder.record(aTrafficRecord({ rpcId: 3 }));
    await pass(20_000);
    expect(recorder.counters).toEqual({ queued: 2, written: 1, dropped: 0 });
    repository.failure = null;
    await pass(6_000);
    expect(repository.rows.map(({ seq, rpcId }) => [seq, rpcId])).toEqual([
      [1, '1'],
      [2, '2'],
      [3, '3'],
    ]);
    const triesOfTheSecond = repository.tries.filter((rows) => rows[0]?.rpcId === '2');
    expect(triesOfTheSecond.length).toBeGreaterThan(3);
    expect(new Set(triesOfTheSecond.map(([row]) => row?.id)).size).toBe(1);
  });

  it("keeps of huge messages what is stored of them, so that a few don't fill the queue", async () => {
    const { repository, recorder } = aRecorder();
    const payload = `{"text":"${'x'.repeat(16 * 1024 * 1024)}"}`;
    for (let n = 0; n < 20; n++) recorder.record(aTrafficRecord({ payload }));
    expect(recorder.counters).toMatchObject({ queued: 20, dropped: 0 });
    await pass(1_000);
    expect(repository.rows).toHaveLength(20);
    expect(repository.rows[0]).toMatchObject({ truncated: true });
    expect(repository.rows[0]?.payload?.length).toBeLessThan(70_000);
  });

  it('drops and counts records when the database is away for too long', async () => {
    const { repository, recorder } = aRecorder();
    repository.failure = new Error('away');
    const payload = 'x'.repeat(60_000);
    for (let n = 0; n < 1_000; n++) recorder.record(aTrafficRecord({ payload }));
    await pass(1_000);
    const { queued, dropped } = recorder.counters;
    expect(queued + dropped).toBe(1_000);
    expect(dropped).toBeGreaterThan(100);
    expect(queued * payload.length * 2).toBeLessThanOrEqual(64 * 1024 * 1024);
    expect(queued).toBeGreaterThan(20);
  });

  it('cuts what the columns can not take and leaves out what no database can', async () => {
    const { repository, recorder } = aRecorder();
    const long = 'x'.repeat(5_000);
    recorder.record(aTrafficRecord({ method: long, target: long, client: long, rpcId: long }));
    recorder.record(aTrafficRecord({ method: 'a\0b', target: 'a\0b', client: 'a\0b', rpcId: 'a\0b', payload: 'a\0b' }));
    recorder.record(aTrafficRecord({ method: null, target: null, client: null, rpcId: null, payload: null }));
    await pass(100);
    const [cut, clean, empty] = repository.rows;
    const lengths = [cut?.method, cut?.target, cut?.client, cut?.rpcId].map((text) => text?.length);
    expect(lengths).toEqual([128, 2_000, 200, 128]);
    expect(Object.values(clean ?? {}).filter((value) => String(value).includes('\0'))).toEqual([]);
    expect(clean?.rpcId).toBe('"a\\u0000b"');
    expect(empty).toMatchObject({ method: null, target: null, client: null, rpcId: null, payload: null });
  });

  it('writes what is left before the database closes', async () => {
    const { repository, recorder, writers, tap } = aRecorder();
    recorder.onModuleInit();
    tap.record(aTrafficRecord());
    await Promise.all([writers.flushAll(), pass(10)]);
    expect(repository.rows).toHaveLength(1);
  });
});
