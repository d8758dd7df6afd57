import { PeerWorld } from '../../test/support/peer-world';
import { PeerClosedError } from './peer.errors';

describe('the last calls before a stop', () => {
  it('end, while no further ones are sent; our own are not waited for', async () => {
    const world = await new PeerWorld().open();
    const answers = [1, 2].map(() => world.peer.request(world.call()));
    const own = world.peer
      .request(world.call('tools/list', undefined, { client: 'mcps' }))
      .catch((error: unknown) => error);
    const sent = world.transport.sent.length;
    let isDrained = false;
    const drained = world.peer.drain().then(() => (isDrained = true));
    await expect(world.peer.request(world.call())).rejects.toMatchObject({ code: 'tool_not_running' });
    expect(world.transport.sent).toHaveLength(sent);
    world.transport.result(1, {});
    await answers[0];
    expect(isDrained).toBe(false);
    world.transport.result(2, {});
    await Promise.all([answers[1], drained]);
    expect(world.peer.inFlight).toBe(1);
    world.transport.end({ code: 'gone', message: 'gone' });
    expect(await own).toBeInstanceOf(PeerClosedError);
  });

  it('are waited for no longer than the connection lives, and not at all where there are none', async () => {
    const world = await new PeerWorld().open();
    const answer = world.peer.request(world.call()).catch((error: unknown) => error);
    const drained = world.peer.drain();
    world.transport.end({ code: 'gone', message: 'gone' });
    await drained;
    expect(await answer).toBeInstanceOf(PeerClosedError);
    await (await new PeerWorld().open()).peer.drain();
  });
});

describe('whether a server may be silent because it works', () => {
  const timedOut = async (world: PeerWorld, client = 'claude') => {
    await world.peer.request(world.call('tools/call', undefined, { timeoutMs: 1, client })).catch(() => undefined);
  };

  it('is so while calls are in flight', async () => {
    const world = await new PeerWorld().open();
    expect(world.peer.isBusy).toBe(false);
    const answer = world.peer.request(world.call());
    expect(world.peer.isBusy).toBe(true);
    world.transport.result(1, {});
    await answer;
    expect([world.peer.isBusy, world.peer.heard]).toEqual([false, 1]);
  });

  it('is not so because of a subscription, which stays open and is not waited for before a stop', async () => {
    const world = await new PeerWorld().open();
    const heard = world.peer.request(world.call('subscriptions/listen')).catch((error: unknown) => error);
    expect([world.peer.isBusy, world.peer.inFlight]).toEqual([false, 0]);
    for (let index = 0; index < 3; index++) await timedOut(world);
    expect(world.peer.isBusy).toBe(false);
    await world.peer.drain();
    await world.peer.close();
    expect(await heard).toBeInstanceOf(PeerClosedError);
    expect(world.peer.inFlight).toBe(0);
  });

  it('is no more so after three calls of clients in a row without an answer or any other word', async () => {
    const world = await new PeerWorld().open();
    for (let index = 0; index < 3; index++) await timedOut(world);
    void world.peer.request(world.call()).catch(() => undefined);
    expect(world.peer.isBusy).toBe(false);
    world.transport.deliver({ method: 'notifications/message', params: {} });
    expect(world.peer.isBusy).toBe(true);
    await world.peer.close();
  });

  it('stays so for a long call that was sent before them, and whatever our own questions meet', async () => {
    const world = await new PeerWorld().open();
    void world.peer.request(world.call()).catch(() => undefined);
    for (let index = 0; index < 3; index++) await timedOut(world);
    expect(world.peer.isBusy).toBe(true);
    const other = await new PeerWorld().open();
    for (let index = 0; index < 3; index++) await timedOut(other, 'mcps');
    void other.peer.request(other.call()).catch(() => undefined);
    expect(other.peer.isBusy).toBe(true);
    await Promise.all([world.peer.close(), other.peer.close()]);
  });
});
