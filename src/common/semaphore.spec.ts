import { Semaphore } from './semaphore';

/** A piece of work that ends when the test says so. */
function aJob() {
  const { promise, resolve, reject } = withResolvers();
  const job = { started: false, finish: () => resolve('done'), fail: () => reject(new Error('failed')), run };
  function run(): Promise<string> {
    job.started = true;
    return promise;
  }
  return job;
}

function withResolvers() {
  let resolve!: (value: string) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<string>((ok, fail) => ([resolve, reject] = [ok, fail]));
  return { promise, resolve, reject };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a semaphore', () => {
  it('never runs more at once than its limit', async () => {
    const semaphore = new Semaphore(3);
    let [running, most] = [0, 0];
    const work = async () => {
      most = Math.max(most, ++running);
      await settle();
      running--;
    };
    await Promise.all(Array.from({ length: 20 }, () => semaphore.run(work)));
    expect(most).toBe(3);
  });

  it('starts those who wait in the order they came, and nobody overtakes them', async () => {
    const semaphore = new Semaphore(1);
    const [first, second, third] = [aJob(), aJob(), aJob()];
    const results = [semaphore.run(first.run), semaphore.run(second.run)];
    first.finish();
    await results[0];
    results.push(semaphore.run(third.run));
    await settle();
    expect([first.started, second.started, third.started]).toEqual([true, true, false]);
    second.finish();
    await settle();
    expect(third.started).toBe(true);
    third.finish();
    expect(await Promise.all(results)).toEqual(['done', 'done', 'done']);
  });

  it('gives the place of work that failed to the next', async () => {
    const semaphore = new Semaphore(1);
    const [failing, next] = [aJob(), aJob()];
    const results = [semaphore.run(failing.run), semaphore.run(next.run)] as const;
    failing.fail();
    await expect(results[0]).rejects.toThrow('failed');
    next.finish();
    expect(await results[1]).toBe('done');
  });

  it('gives the place of work that throws before its first await to the next', async () => {
    const semaphore = new Semaphore(1);
    const throwing = () => {
      throw new Error('at once');
    };
    await expect(semaphore.run(throwing)).rejects.toThrow('at once');
    expect(await semaphore.run(() => Promise.resolve('done'))).toBe('done');
  });
});
