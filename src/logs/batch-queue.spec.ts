import { AsyncLocalStorage } from 'node:async_hooks';
import { BatchQueue } from './batch-queue';

type Options = ConstructorParameters<typeof BatchQueue<string>>[0];

/** A queue of texts whose writer can be made to fail or to hang. */
function aQueue(given: Partial<Options> = {}) {
  const written: string[][] = [];
  const troubles: unknown[] = [];
  const writer = { failure: null as Error | null, tries: 0, tookMs: 0, written, troubles };
  const write = async (batch: string[]) => {
    writer.tries++;
    if (writer.tookMs > 0) await new Promise((resolve) => setTimeout(resolve, writer.tookMs));
    if (writer.failure) throw writer.failure;
    written.push([...batch]);
  };
  const limits = { maxEntries: 100, maxBytes: 1_000, batchSize: 3, flushMs: 100 };
  const onTrouble = (error: unknown) => troubles.push(error);
  const queue = new BatchQueue<string>({ write, onTrouble, sizeOf: (text) => text.length, ...limits, ...given });
  const push = (...texts: string[]) => texts.forEach((text) => queue.push(text));
  return { queue, writer, push };
}

/** Whether a promise has come to its end by now. */
function watch(promise: Promise<unknown>): { isOver: boolean } {
  const state = { isOver: false };
  void promise.then(() => (state.isOver = true));
  return state;
}

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

describe('a batch queue', () => {
  beforeEach(() => jest.useFakeTimers());

  afterEach(() => jest.useRealTimers());

  it('writes what came within its time in one batch', async () => {
    const { writer, push } = aQueue();
    push('a', 'b');
    await pass(99);
    expect(writer.written).toEqual([]);
    await pass(1);
    expect(writer.written).toEqual([['a', 'b']]);
  });

  it('writes a full batch at once, and everything in the order it came', async () => {
    const { queue, writer, push } = aQueue();
    push('a', 'b', 'c', 'd', 'e', 'f', 'g');
    await pass(1);
    expect(writer.written).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ]);
    await pass(100);
    expect(writer.written.flat()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(queue.counters).toEqual({ queued: 0, written: 7, dropped: 0 });
  });

  it('writes outside of the context of who pushed or flushed, which may be a transaction', async () => {
    const context = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const { queue, push } = aQueue({ write: async () => void seen.push(context.getStore()) });
    context.run('inside', () => push('a', 'b', 'c'));
    await pass(10);
    context.run('inside', () => push('d'));
    await pass(100);
    push('e');
    await Promise.all([context.run('inside', () => queue.flush(500)), pass(10)]);
    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  it('has one writer: what comes meanwhile waits for its own time', async () => {
    const { writer, push } = aQueue();
    writer.tookMs = 500;
    push('a', 'b', 'c');
    await pass(10);
    push('d', 'e', 'f', 'g');
    await pass(400);
    expect(writer.tries).toBe(1);
    await pass(2_000);
    expect(writer.written).toEqual([['a', 'b', 'c'], ['d', 'e', 'f'], ['g']]);
  });

  it('drops and counts what comes when it is full of entries, and takes more when there is room again', async () => {
    const { queue, writer, push } = aQueue({ maxEntries: 2 });
    push('a', 'b', 'c', 'd');
    expect(queue.counters).toEqual({ queued: 2, written: 0, dropped: 2 });
    await pass(100);
    push('e');
    await pass(100);
    expect(writer.written).toEqual([['a', 'b'], ['e']]);
    expect(queue.counters).toEqual({ queued: 0, written: 3, dropped: 2 });
  });

  it('drops what would take too many bytes, those being written among them, and still takes what is small', async () => {
    const { queue, writer, push } = aQueue({ maxBytes: 10 });
    writer.tookMs = 50;
    push('aaaa', 'bbbb', 'ccc', 'cc');
    await pass(10);
    push('d');
    expect(queue.counters).toEqual({ queued: 3, written: 0, dropped: 2 });
    await pass(50);
    push('d'.repeat(10), 'e');
    expect(queue.counters.dropped).toBe(3);
    await pass(200);
    expect(writer.written.flat()).toEqual(['aaaa', 'bbbb', 'cc', 'd'.repeat(10)]);
  });

  it('tries a batch again until it is written, ever more patiently, and tells of the trouble once', async () => {
    const { queue, writer, push } = aQueue();
    writer.failure = new Error('away');
    push('a', 'b', 'c');
    await pass(0);
    expect(writer.tries).toBe(1);
    await pass(200 + 400 + 800);
    expect(writer.tries).toBe(4);
    await pass(60_000);
    expect(writer.tries).toBeLessThan(20);
    push('d');
    expect(queue.counters).toEqual({ queued: 4, written: 0, dropped: 0 });
    writer.failure = null;
    await pass(5_200);
    expect(writer.written).toEqual([['a', 'b', 'c'], ['d']]);
    expect(writer.troubles).toEqual([new Error('away')]);
  });

  it('tells of new trouble after a recovery', async () => {
    const { writer, push } = aQueue();
    for (const failure of ['first', 'second']) {
      writer.failure = new Error(failure);
      push('a');
      await pass(150);
      writer.failure = null;
      await pass(1_000);
    }
    expect(writer.troubles).toEqual([new Error('first'), new Error('second')]);
  });

  describe('that is flushed', () => {
    it('writes at once what it has, however little', async () => {
      const { queue, writer, push } = aQueue();
      push('a');
      await Promise.all([queue.flush(500), pass(1)]);
      expect(writer.written).toEqual([['a']]);
    });

    it('has nothing to wait for when it is empty', async () => {
      const { queue } = aQueue();
      const flush = watch(queue.flush(500));
      await pass(0);
      expect(flush.isOver).toBe(true);
    });

    it('does not wait for what comes later', async () => {
      const { queue, writer, push } = aQueue();
      writer.tookMs = 20;
      push('a', 'b', 'c', 'd');
      const flush = watch(queue.flush(500));
      for (let round = 0; round < 10 && !flush.isOver; round++) {
        push('later', 'later', 'later');
        await pass(20);
      }
      expect(flush.isOver).toBe(true);
      expect(writer.written.slice(0, 2).flat()).toEqual(['a', 'b', 'c', 'd', 'later', 'later']);
      expect(writer.written.length).toBeLessThanOrEqual(3);
    });

    it('waits no longer than its limit for a writer that hangs', async () => {
      const { queue, writer, push } = aQueue();
      writer.tookMs = 60_000;
      push('a');
      const flush = watch(queue.flush(500));
      await pass(499);
      expect(flush.isOver).toBe(false);
      await pass(1);
      expect(flush.isOver).toBe(true);
    });
  });

  describe('that is closed', () => {
    it('writes what is left and keeps no timer', async () => {
      const { queue, writer, push } = aQueue();
      push('a', 'b', 'c', 'd');
      await Promise.all([queue.close(500), pass(10)]);
      expect(writer.written.flat()).toEqual(['a', 'b', 'c', 'd']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('takes nothing more, and counts it', async () => {
      const { queue, writer, push } = aQueue();
      await Promise.all([queue.close(500), pass(10)]);
      push('a', 'b', 'c', 'd');
      await pass(1_000);
      expect(writer.tries).toBe(0);
      expect(queue.counters).toEqual({ queued: 0, written: 0, dropped: 4 });
    });

    it('gives up within its limit, and counts what it gave up', async () => {
      const { queue, writer, push } = aQueue();
      writer.failure = new Error('away');
      push('a', 'b', 'c', 'd');
      const close = watch(queue.close(500));
      await pass(500);
      expect(close.isOver).toBe(true);
      await pass(10_000);
      expect(queue.counters).toEqual({ queued: 0, written: 0, dropped: 4 });
      expect(jest.getTimerCount()).toBe(0);
    });
  });
});
