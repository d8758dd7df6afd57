import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { StateFeed } from './state-feed';

describe('states that change', () => {
  beforeAll(() => Logger.overrideLogger(false));

  function aFeed(isWanted = true) {
    const told: [string, object][] = [];
    const asked: string[] = [];
    let state = 0;
    let failures = 0;
    const feed = new StateFeed(
      async (id) => {
        asked.push(id);
        const seen = state;
        await turn();
        if (failures-- > 0) throw new Error('away');
        return id === 'gone' ? null : { state: seen };
      },
      (id, view) => told.push([id, view]),
      () => isWanted,
    );
    return { feed, told, asked, change: (to: number) => (state = to), fail: () => (failures = 1) };
  }

  it('are read once for many changes, and told last as they are', async () => {
    const { feed, told, asked, change } = aFeed();
    for (let n = 1; n <= 5; n++) {
      change(n);
      feed.note('a');
    }
    await Promise.resolve();
    await Promise.resolve();
    // While it is being read.
    change(6);
    feed.note('a');
    await feed.inTurn(() => undefined);
    expect(told.at(-1)).toEqual(['a', { state: 6 }]);
    expect(asked.length).toBeLessThanOrEqual(2);
  });

  it('come after what was begun before them', async () => {
    const { feed, told } = aFeed();
    void feed.inTurn(async () => {
      await turn();
      told.push(['all', {}]);
    });
    feed.note('a');
    feed.note('gone');
    await feed.inTurn(() => undefined);
    expect(told.map(([id]) => id)).toEqual(['all', 'a']);
  });

  it('are read again a moment after the database was away', async () => {
    const { feed, told, fail } = aFeed();
    fail();
    feed.note('a');
    for (let n = 0; n < 600 && told.length === 0; n++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(told).toEqual([['a', { state: 0 }]]);
  });

  it('are not read while nobody would hear', async () => {
    const { feed, asked } = aFeed(false);
    feed.note('a');
    await feed.inTurn(() => undefined);
    expect(asked).toEqual([]);
  });
});
