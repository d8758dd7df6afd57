import { FakeClock } from '../../test/support/fake-clock';
import { isRecent, Liveness } from './liveness';

describe('liveness', () => {
  let clock: FakeClock;
  let liveness: Liveness;
  let beatAt: number | null;

  beforeEach(() => {
    jest.useFakeTimers();
    clock = new FakeClock();
    liveness = new Liveness(clock);
    beatAt = null;
    liveness.register({ name: 'ticker', isBeating: (look) => isRecent(beatAt, 60_000, look) });
    liveness.onApplicationBootstrap();
  });
  afterEach(() => {
    liveness.onModuleDestroy();
    jest.useRealTimers();
  });

  /** So many seconds in which we run. */
  const run = (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      clock.advance(1_000);
      liveness.look();
    }
  };
  /** We are away for so long: nothing of us runs. */
  const freeze = (seconds: number) => {
    clock.advance(seconds * 1_000);
    liveness.look();
  };

  it('holds as long as what is registered goes on, and ends when it has not for its time', () => {
    run(60);
    expect(liveness.report().alive).toBe(true);
    run(1);
    expect(liveness.report()).toMatchObject({ alive: false, pulses: [{ name: 'ticker', alive: false }] });
    beatAt = clock.monotonic();
    expect(liveness.report().alive).toBe(true);
  });

  it('F32: forgives what was missed while we were suspended, also to who asks before our own timer', () => {
    beatAt = clock.monotonic();
    run(10);
    clock.advance(600_000);
    expect(liveness.report().alive).toBe(true);
    liveness.look();
    run(60);
    expect(liveness.report().alive).toBe(true);
    run(1);
    expect(liveness.report().alive).toBe(false);
  });

  it('F46: survives an event loop that was kept for some seconds, and tells how long', () => {
    beatAt = clock.monotonic();
    run(50);
    freeze(6);
    expect(liveness.report()).toMatchObject({ alive: true, delayMs: 5_000 });
    run(1);
    expect(liveness.report()).toMatchObject({ alive: true, delayMs: 0 });
  });

  it('ends when the event loop is kept for more than ten seconds again and again', () => {
    for (let n = 0; n < 3; n++) {
      expect(liveness.report().alive).toBe(true);
      freeze(12);
    }
    expect(liveness.report().alive).toBe(false);
    run(1);
    expect(liveness.report().alive).toBe(true);
  });
});
