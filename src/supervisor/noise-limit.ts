const WINDOW_MS = 60_000;
const KEPT_IN_WINDOW = 20;

/** Lets the first 20 lines of noise in a minute pass; the others are only counted (by the peer). */
export class NoiseLimit {
  private since = -Infinity;
  private passed = 0;

  constructor(private readonly monotonic: () => number = () => performance.now()) {}

  lets(): boolean {
    const now = this.monotonic();
    if (now - this.since >= WINDOW_MS) {
      this.since = now;
      this.passed = 0;
    }
    this.passed += 1;
    return this.passed <= KEPT_IN_WINDOW;
  }
}
