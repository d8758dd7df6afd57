import { Sequence } from './sequence';

describe('a sequence', () => {
  it('goes on behind the last number of the table', async () => {
    const sequence = new Sequence(() => Promise.resolve(41));
    expect(await sequence.peek()).toBe(42);
    sequence.confirm(3);
    expect(await sequence.peek()).toBe(45);
  });

  it('uses no numbers up for rows that were not written', async () => {
    const sequence = new Sequence(() => Promise.resolve(0));
    expect([await sequence.peek(), await sequence.peek()]).toEqual([1, 1]);
  });

  it('asks the table once, and again only when the answer failed', async () => {
    const answers = [Promise.reject(new Error('away')), Promise.resolve(7), Promise.resolve(1_000)];
    const sequence = new Sequence(() => answers.shift()!);
    await expect(sequence.peek()).rejects.toThrow('away');
    expect(await sequence.peek()).toBe(8);
    sequence.confirm(1);
    expect(await sequence.peek()).toBe(9);
    expect(answers).toHaveLength(1);
  });
});
