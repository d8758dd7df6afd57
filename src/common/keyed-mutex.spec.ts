import { KeyedMutex } from './keyed-mutex';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Work that notes its start and its end, with turns of the event loop in between. */
function noting(events: string[], name: string): () => Promise<string> {
  return async () => {
    events.push(`${name} starts`);
    await settle();
    events.push(`${name} ends`);
    return name;
  };
}

const queuesOf = (mutex: KeyedMutex): number => (Reflect.get(mutex, 'tails') as Map<string, unknown>).size;

describe('a keyed mutex', () => {
  it('runs work on one key one after another, in the order it came', async () => {
    const mutex = new KeyedMutex();
    const events: string[] = [];
    const results = ['a', 'b', 'c'].map((name) => mutex.run('tool', noting(events, name)));
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('lets work that comes late wait for all that came before it', async () => {
    const mutex = new KeyedMutex();
    const events: string[] = [];
    const first = mutex.run('tool', noting(events, 'a'));
    const second = mutex.run('tool', noting(events, 'b'));
    await first;
    // All that `first` set off has happened, and `second` is still at work.
    await new Promise((resolve) => process.nextTick(resolve));
    await Promise.all([second, mutex.run('tool', noting(events, 'c'))]);
    expect(events).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
  });

  it('runs work on different keys side by side', async () => {
    const mutex = new KeyedMutex();
    const events: string[] = [];
    await Promise.all([mutex.run('one', noting(events, 'a')), mutex.run('two', noting(events, 'b'))]);
    expect(events).toEqual(['a starts', 'b starts', 'a ends', 'b ends']);
  });

  it('lets work that fails block nobody, and tells only its own caller', async () => {
    const mutex = new KeyedMutex();
    const failed = mutex.run('tool', () => Promise.reject(new Error('broken')));
    const thrown = mutex.run('tool', () => {
      throw new Error('thrown');
    });
    const next = mutex.run('tool', () => Promise.resolve('next'));
    await expect(failed).rejects.toThrow('broken');
    await expect(thrown).rejects.toThrow('thrown');
    expect(await next).toBe('next');
  });

  it('remembers nothing of keys that nobody works on', async () => {
    const mutex = new KeyedMutex();
    const keys = Array.from({ length: 100 }, (_, index) => `tool ${index % 50}`);
    const all = keys.map((key, index) =>
      mutex.run(key, () => (index % 3 === 0 ? Promise.reject(new Error('broken')) : settle())),
    );
    expect(queuesOf(mutex)).toBe(50);
    await Promise.allSettled(all);
    await settle();
    expect(queuesOf(mutex)).toBe(0);
  });
});
