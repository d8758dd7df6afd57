import { Clock } from '../../src/common/clock';

/** A clock that stands still until the test moves it. */
export class FakeClock extends Clock {
  private passedMs = 0;

  constructor(private readonly startedAt = Date.UTC(2026, 10, 23, 12)) {
    super();
  }

  now(): number {
    return this.startedAt + this.passedMs;
  }

  monotonic(): number {
    return this.passedMs;
  }

  advance(ms: number): void {
    this.passedMs += ms;
  }
}
