/** Lets at most `limit` pieces of work run at once; the others wait in the order they came. */
export class Semaphore {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      // The place is handed on, not freed, so that nobody overtakes who waits.
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
