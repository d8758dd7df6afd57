import { BatchIds, isId } from './ids';

describe('the ids of a batch', () => {
  it('are UUIDs of version 7 that sort by time, and by their count within a millisecond', () => {
    const ids = new BatchIds();
    const made = [0, 1, 2, 1_600, 4_095].flatMap((count) => [ids.of(1_795_176_000_000, count)]);
    made.push(ids.of(1_795_176_000_001, 0));
    expect(made.every(isId)).toBe(true);
    expect(made.map((id) => id.slice(14, 15))).toEqual(made.map(() => '7'));
    expect([...made].sort()).toEqual(made);
    expect(parseInt(made[0]!.replace(/-/g, '').slice(0, 12), 16)).toBe(1_795_176_000_000);
  });

  it('differ within a batch also when the clock goes back, and from those of another one', () => {
    const [one, other] = [new BatchIds(), new BatchIds()];
    const made = Array.from({ length: 4_000 }, (_, n) => one.of(1_000 + (n % 3), n));
    made.push(...Array.from({ length: 4_000 }, (_, n) => other.of(1_000 + (n % 3), n)));
    expect(new Set(made).size).toBe(8_000);
    expect(made.every(isId)).toBe(true);
  });
});
