import { OpenRequests } from './open-requests';

describe('requests under way', () => {
  const [one, other] = [{}, {}];

  it('are waited for until the last has ended', async () => {
    const open = new OpenRequests();
    open.begin(one);
    open.begin(other);
    let isIdle = false;
    const idle = open.idle(60_000).then((value) => (isIdle = value));
    open.end(one);
    open.end(one);
    await Promise.resolve();
    expect([open.count, isIdle]).toEqual([1, false]);
    open.end(other);
    expect(await idle).toBe(true);
  });

  it('are waited for no longer than allowed, and not at all when there are none', async () => {
    const open = new OpenRequests();
    expect(await open.idle(60_000)).toBe(true);
    open.begin(one);
    expect(await open.idle(1)).toBe(false);
  });
});
