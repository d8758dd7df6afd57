import { setTimeout as delay } from 'node:timers/promises';
import { LoopDelay } from './loop-delay';

describe('how late the event loop is', () => {
  let loop: LoopDelay;
  beforeEach(() => {
    loop = new LoopDelay();
    loop.start();
  });
  afterEach(() => {
    loop.stop();
  });

  const keepLoop = (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };

  it('is looked at often while there is work and at the start, and rarely while there is next to none', () => {
    expect(loop.everyMs).toBe(100);
    loop.read(0.003);
    expect(loop.everyMs).toBe(500);
    loop.read(0.05);
    expect(loop.everyMs).toBe(500);
    loop.read(0.051);
    expect(loop.everyMs).toBe(100);
  });

  it('is told of the time between start and stop alone', () => {
    const other = new LoopDelay();
    keepLoop(300);
    expect(other.read(1)).toEqual({ p50Ms: 0, p99Ms: 0 });
    other.start();
    expect(other.read(1).p99Ms).toBeLessThan(300);
    other.stop();
    keepLoop(300);
    expect(other.read(1)).toEqual({ p50Ms: 0, p99Ms: 0 });
  });

  it.each([
    { how: 'often', utilization: 1 },
    { how: 'rarely', utilization: 0 },
  ])('F46: shows a loop that was kept, at whatever moment, looked at $how', async ({ utilization }) => {
    loop.read(utilization);
    const { everyMs } = loop;
    // Before the first look there is no other one to count from.
    for (const afterMs of [0, 1.5 * everyMs]) {
      if (afterMs > 0) await delay(afterMs);
      keepLoop(3 * everyMs + 100);
      await delay(1);
      const { p50Ms, p99Ms } = loop.read(utilization);
      expect([afterMs, p99Ms]).toEqual([afterMs, expect.any(Number)]);
      expect(p99Ms).toBeGreaterThan(everyMs);
      expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    }
    // Told once.
    expect(loop.read(utilization)).toEqual({ p50Ms: 0, p99Ms: 0 });
  });
});
