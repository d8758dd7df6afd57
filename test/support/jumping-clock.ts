import { Clock } from '../../src/common/clock';

/** A clock that passes, and jumps where a test sets `wall`. */
export class JumpingClock extends Clock {
  wall = Date.UTC(2026, 10, 26, 12);
  passed = 0;

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.passed;
  }

  pass(ms: number): void {
    this.wall += ms;
    this.passed += ms;
  }
}
