import fc from 'fast-check';
import { aTrafficRecord } from '../../test/support/a-traffic-record';
import type { TrafficRecord } from '../mcp/traffic';
import { BATCH_ROWS, type MessageBatch, readBatch, type ReadMessage } from './message-batch';
import { MessageQueue } from './message-queue';

type Context = Pick<TrafficRecord, 'sessionId' | 'target' | 'outcome'>;
type Options = ConstructorParameters<typeof MessageQueue>[0];

const read = (batch: MessageBatch): ReadMessage<Context>[] =>
  readBatch(
    structuredClone(batch),
    (context) => context,
    (message) => message,
  );
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

/** A queue whose batches are read as the writer's thread does, at once. */
function aQueue(given: Partial<Options> = {}) {
  const batches: ReadMessage<Context>[][] = [];
  const memories: SharedArrayBuffer[] = [];
  const lost: string[] = [];
  const state = { failure: null as Error | null };
  const queue = new MessageQueue({
    write: (batch) => {
      batches.push(read(batch));
      memories.push(batch.memory);
      return state.failure ? Promise.reject(state.failure) : Promise.resolve();
    },
    onLost: (toolName, at, what) => lost.push(`${toolName} ${at} ${what}`),
    onTrouble: () => undefined,
    ...{ maxEntries: 10_000, maxBytes: 2 ** 26, maxPayloadBytes: 2 ** 25 },
    ...given,
  });
  return { queue, batches, memories, lost, state, read: () => batches.flat() };
}

describe('the queue of messages', () => {
  beforeEach(() => jest.useFakeTimers());

  afterEach(() => jest.useRealTimers());

  it('hands over what it was given, whatever is in it', async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
    const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
    const message = fc.record({
      rpcId: fc.oneof(text, number, fc.constant(null)),
      sessionId: fc.constantFrom(null, 's-1', 's-2'),
      target: fc.oneof(text, fc.constant(null)),
      outcome: fc.constantFrom(null, 'ok', 'timeout'),
      durationMs: fc.oneof(number, fc.constant(null)),
      sizeBytes: fc.nat(),
      head: fc.oneof(text, fc.constant(null)),
      tail: fc.oneof(
        text.filter(({ length }) => length > 0),
        fc.constant(null),
      ),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 50 }), async (messages) => {
        const { queue, read: all } = aQueue();
        for (const { head, tail, ...given } of messages) {
          queue.push(
            aTrafficRecord({ ...given, rpcId: given.rpcId, outcome: given.outcome as 'ok' | null }),
            head,
            tail,
          );
        }
        await pass(100);
        const got = all().map(({ context, rpcId, durationMs, sizeBytes, payload }) => {
          const { sessionId, target, outcome } = context;
          const { head, tail } = payload ?? { head: null, tail: null };
          return { rpcId, sessionId, target, outcome, durationMs, sizeBytes, head, tail };
        });
        expect(got).toEqual(messages.map((given) => (given.head === null ? { ...given, tail: null } : given)));
      }),
      { numRuns: 300 },
    );
  });

  it('fills the same memory again once a batch is out of its hands, and not before', async () => {
    const { queue, memories, state } = aQueue();
    const push = (count: number) => {
      for (let n = 0; n < count; n++) queue.push(aTrafficRecord({ at: n }), 'text', null);
    };
    push(3);
    await pass(100);
    push(3);
    await pass(100);
    expect(memories[1]).toBe(memories[0]);
    state.failure = new Error('gone');
    push(3);
    await pass(100);
    push(BATCH_ROWS + 3);
    state.failure = null;
    await pass(5_000);
    expect(new Set(memories.slice(2)).size).toBe(3);
  });

  it('hands a batch over again with the same ids and texts', async () => {
    const { queue, batches, state, lost } = aQueue();
    state.failure = new Error('gone');
    for (let n = 0; n < 3; n++) queue.push(aTrafficRecord({ at: 1_000 + n }), `text ${n}`, null);
    await pass(100);
    queue.push(aTrafficRecord(), 'later', null);
    state.failure = null;
    await pass(1_000);
    expect(batches.map((batch) => batch.map(({ payload }) => payload?.head))).toEqual([
      ['text 0', 'text 1', 'text 2'],
      ['text 0', 'text 1', 'text 2'],
      ['later'],
    ]);
    expect(batches[1]).toEqual(batches[0]);
    expect(new Set(batches.slice(1).flatMap((batch) => batch.map(({ id }) => id))).size).toBe(4);
    expect(lost).toEqual([]);
  });

  it('makes batches of many where many wait, but none of more rows or bytes than it may have', async () => {
    const { queue, batches } = aQueue();
    for (let n = 0; n < 2_300; n++) queue.push(aTrafficRecord(), null, null);
    for (let n = 0; n < 3; n++) queue.push(aTrafficRecord(), 'x'.repeat(400_000), null);
    queue.push(aTrafficRecord(), 'x'.repeat(2_000_000), null);
    await Promise.all([queue.flush(500), pass(500)]);
    expect(batches.map(({ length }) => length)).toEqual([2_000, 302, 1, 1]);
  });

  it('gives up payloads first and then messages, and tells of each', async () => {
    const { queue, read: all, lost } = aQueue({ maxBytes: 2_500, maxPayloadBytes: 1_200 });
    for (let at = 1; at <= 6; at++) queue.push(aTrafficRecord({ at }), 'x'.repeat(300), null);
    await pass(100);
    expect(all().map(({ at, payload }) => [at, payload?.head.length])).toEqual([
      [1, 300],
      [2, undefined],
      [3, undefined],
      [4, undefined],
      [5, undefined],
    ]);
    expect(lost).toEqual([2, 3, 4, 5].map((at) => `weather ${at} payload`).concat('weather 6 record'));
    // There is room again.
    queue.push(aTrafficRecord({ at: 7 }), 'again', null);
    await pass(100);
    expect(all().at(-1)?.payload?.head).toBe('again');
  });

  it('tells what it has given up at its end: what was being handed over, what waited, what came later', async () => {
    const { queue, lost, state } = aQueue();
    state.failure = new Error('gone');
    for (let at = 1; at <= 2; at++) queue.push(aTrafficRecord({ at }), null, null);
    await pass(100);
    queue.push(aTrafficRecord({ at: 3 }), null, null);
    await Promise.all([queue.close(500), pass(10_000)]);
    queue.push(aTrafficRecord({ at: 4 }), null, null);
    expect([...lost].sort()).toEqual([1, 2, 3, 4].map((at) => `weather ${at} record`));
    expect([queue.queued, jest.getTimerCount()]).toEqual([0, 0]);
  });
});
