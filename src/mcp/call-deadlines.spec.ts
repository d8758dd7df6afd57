import { PeerWorld } from '../../test/support/peer-world';

describe('the deadlines of calls', () => {
  let world: PeerWorld;
  let late: number[];

  beforeEach(async () => {
    world = await new PeerWorld().open();
    jest.useFakeTimers();
    late = [];
  });
  afterEach(() => jest.useRealTimers());

  const send = (timeoutMs: number) => {
    const handle = world.peer.send(world.call('tools/call', undefined, { timeoutMs }), {
      onResult: () => undefined,
      onError: () => late.push(handle.id),
    });
    return handle;
  };

  it('are kept each, in whatever order they come, with one timer for all', () => {
    send(300);
    send(100);
    send(200);
    send(200);
    expect(jest.getTimerCount()).toBe(1);
    const seen = [99, 1, 99, 1, 99, 1].map((ms) => {
      jest.advanceTimersByTime(ms);
      return [...late];
    });
    expect(seen).toEqual([[], [2], [2], [2, 3, 4], [2, 3, 4], [2, 3, 4, 1]]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('need no timer of their own where one is set already, and none after the last call', () => {
    for (let n = 1; n <= 100; n++) {
      send(1_000);
      world.transport.result(n, {});
      jest.advanceTimersByTime(1);
    }
    expect(jest.getTimerCount()).toBe(1);
    send(1_000);
    jest.advanceTimersByTime(999);
    expect(late).toEqual([]);
    jest.advanceTimersByTime(1);
    expect([late, jest.getTimerCount()]).toEqual([[101], 0]);
  });

  it('move with an extension, to later and to sooner', () => {
    const handle = send(100);
    send(5_000);
    handle.extend(1_000);
    jest.advanceTimersByTime(999);
    expect(late).toEqual([]);
    handle.extend(10);
    jest.advanceTimersByTime(9);
    expect(late).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(late).toEqual([1]);
  });

  it('hold a call that began while others were found late', () => {
    const handle = world.peer.send(world.call('tools/call', undefined, { timeoutMs: 100 }), {
      onResult: () => undefined,
      onError: () => {
        late.push(handle.id);
        send(50);
      },
    });
    jest.advanceTimersByTime(100);
    expect(late).toEqual([1]);
    jest.advanceTimersByTime(50);
    expect(late).toEqual([1, 2]);
  });

  it('go with the connection', () => {
    send(100);
    world.transport.end({ code: 'gone', message: 'gone' });
    expect(jest.getTimerCount()).toBe(0);
  });
});
