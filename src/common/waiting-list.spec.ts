import { WaitingList } from './waiting-list';

describe('a list of what waits', () => {
  const entries = Array.from({ length: 200 }, (_, n) => ({ n }));
  const numbers = (list: WaitingList<{ n: number }>) => [...list].map(({ n }) => n);

  it('keeps the order in which they came, whoever leaves', () => {
    const list = new WaitingList<{ n: number }>();
    for (const entry of entries) list.add(entry);
    for (const { n } of entries) if (n % 3 !== 0 && n !== 1) expect(list.delete(entries[n] ?? { n })).toBe(true);
    expect(numbers(list)).toEqual([0, 1, ...entries.map(({ n }) => n).filter((n) => n % 3 === 0 && n > 1)]);
    expect(list.size).toBe(68);
    expect(list.has(entries[1] ?? { n: 1 })).toBe(true);
    expect(list.has(entries[2] ?? { n: 2 })).toBe(false);
  });

  it('says whether one was there', () => {
    const list = new WaitingList<{ n: number }>();
    const entry = { n: 1 };
    expect(list.delete(entry)).toBe(false);
    list.add(entry);
    expect(list.delete(entry)).toBe(true);
    expect(list.delete(entry)).toBe(false);
    expect([list.size, numbers(list)]).toEqual([0, []]);
  });

  it('is the same as a Set in what it holds, however they come and go', () => {
    const list = new WaitingList<{ n: number }>();
    const set = new Set<{ n: number }>();
    let seed = 7;
    const random = (below: number) => (seed = (seed * 16_807) % 2_147_483_647) % below;
    for (let step = 0; step < 20_000; step++) {
      const entry = entries[random(entries.length)] ?? { n: -1 };
      if (set.has(entry) && random(3) > 0) expect(list.delete(entry)).toBe(set.delete(entry));
      else if (!set.has(entry)) {
        list.add(entry);
        set.add(entry);
      }
      if (step % 500 === 0) expect([...list]).toEqual([...set]);
    }
    expect(list.size).toBe(set.size);
  });

  it('may be changed while it is walked through', () => {
    const list = new WaitingList<{ n: number }>();
    for (const entry of entries.slice(0, 5)) list.add(entry);
    const seen: number[] = [];
    for (const entry of list) {
      seen.push(entry.n);
      list.delete(entry);
    }
    expect([seen, list.size]).toEqual([[0, 1, 2, 3, 4], 0]);
  });

  it('does not grow where one waits for ever and thousands come and go', () => {
    const list = new WaitingList<{ n: number }>();
    list.add({ n: -1 });
    for (let n = 0; n < 10_000; n++) {
      const entry = { n };
      list.add(entry);
      list.delete(entry);
    }
    expect((list as unknown as { entries: unknown[] }).entries.length).toBeLessThan(100);
    expect(numbers(list)).toEqual([-1]);
  });
});
