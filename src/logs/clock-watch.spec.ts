import { JumpingClock } from '../../test/support/jumping-clock';
import { ClockWatch } from './clock-watch';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe('F63: the watch over the clock', () => {
  let clock: JumpingClock;
  let watch: ClockWatch;

  const lookEvery = (stepMs: number, forMs: number): (string | null)[] => {
    const seen: (string | null)[] = [];
    for (let passed = 0; passed < forMs; passed += stepMs) {
      clock.pass(stepMs);
      seen.push(watch.look(null));
    }
    return seen;
  };

  beforeEach(() => {
    clock = new JumpingClock();
    watch = new ClockWatch(clock);
  });

  it('believes a clock that just goes on, however rarely it is looked at', () => {
    expect([watch.look(null), ...lookEvery(10 * MINUTE_MS, DAY_MS)].every((doubt) => doubt === null)).toBe(true);
    expect(lookEvery(5 * DAY_MS, 15 * DAY_MS)).toEqual([null, null, null]);
  });

  it('believes small steps, and the hour of a clock that was put forward', () => {
    watch.look(null);
    for (const step of [-30_000, 30_000, HOUR_MS, 23 * HOUR_MS]) {
      clock.wall += step;
      expect(watch.look(null)).toBeNull();
    }
  });

  it('doubts a clock that has jumped two days ahead, until it has gone on for a day', () => {
    watch.look(null);
    clock.wall += 2 * DAY_MS;
    expect(watch.look(null)).toBe('The clock is 2 days ahead of when it was last looked at');
    expect(lookEvery(HOUR_MS, 23 * HOUR_MS).every((doubt) => doubt !== null)).toBe(true);
    expect(lookEvery(HOUR_MS, 2 * HOUR_MS).at(-1)).toBeNull();
  });

  it('doubts a clock that has gone back an hour, and one that was put right, for an hour', () => {
    watch.look(null);
    clock.wall -= HOUR_MS;
    expect(watch.look(null)).toBe('The clock has gone back by 1 hours');
    expect(lookEvery(10 * MINUTE_MS, HOUR_MS + MINUTE_MS).at(-1)).toBeNull();
    clock.wall += 700 * DAY_MS;
    expect(watch.look(null)).not.toBeNull();
    clock.wall -= 700 * DAY_MS;
    expect(watch.look(null)).toBe('The clock has gone back by 700 days');
    expect(lookEvery(10 * MINUTE_MS, HOUR_MS + MINUTE_MS).at(-1)).toBeNull();
  });

  it('after a start compares with the last time of the life before', () => {
    expect(new ClockWatch(clock).look(clock.now() - 20 * HOUR_MS)).toBeNull();
    expect(new ClockWatch(clock).look(clock.now() + DAY_MS)).toBe('The clock has gone back by 24 hours');
    const late = watch.look(clock.now() - 10 * DAY_MS);
    expect(late).toBe('The clock is 10 days ahead of when it was last looked at');
    // We may just have been down.
    expect(lookEvery(10 * MINUTE_MS, HOUR_MS + MINUTE_MS).at(-1)).toBeNull();
  });
});
