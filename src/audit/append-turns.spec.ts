import { setImmediate as turn } from 'node:timers/promises';
import { AppendTurns } from './append-turns';

/** Work that ends when the test says so. */
class Works {
  readonly turns = new AppendTurns();
  readonly begun: number[] = [];
  readonly ends: ((error?: Error) => void)[] = [];

  add(number: number): Promise<string> {
    const work = () => {
      this.begun.push(number);
      return new Promise<void>((resolve, reject) => {
        this.ends[number] = (error) => (error ? reject(error) : resolve());
      });
    };
    return this.turns.run(work).then(
      () => 'done',
      (error: unknown) => (error as Error).message,
    );
  }
}

describe('the turns of those who append', () => {
  it('are two at once, in the order in which they came', async () => {
    const works = new Works();
    const all = [0, 1, 2, 3].map((number) => works.add(number));
    expect(works.begun).toEqual([0, 1]);
    works.ends[1]?.();
    await turn();
    expect(works.begun).toEqual([0, 1, 2]);
    for (const number of [0, 2]) works.ends[number]?.();
    await turn();
    works.ends[3]?.();
    expect(await Promise.all(all)).toEqual(['done', 'done', 'done', 'done']);
  });

  it('are for nobody who has waited for one that failed: all find out at once whether the database is away', async () => {
    const works = new Works();
    const all = [0, 1, 2, 3, 4].map((number) => works.add(number));
    works.ends[0]?.(new Error('away'));
    await turn();
    expect(works.begun).toEqual([0, 1, 2, 3, 4]);
    for (const number of [1, 2, 3, 4]) works.ends[number]?.(new Error(`away, too: ${number}`));
    expect(await Promise.all(all)).toEqual(['away', ...[1, 2, 3, 4].map((number) => `away, too: ${number}`)]);
    const next = [5, 6, 7].map((number) => works.add(number));
    expect(works.begun.slice(5)).toEqual([5, 6]);
    for (const number of [5, 6]) works.ends[number]?.();
    await turn();
    works.ends[7]?.();
    expect(await Promise.all(next)).toEqual(['done', 'done', 'done']);
  });
});
