import { Semaphore } from '../common/semaphore';

/** One that works, and the next one that is at the database already when it ends. */
const AT_ONCE = 2;

/**
 * Turns of those who append to a chain, in which each row waits for the one before: here, where that costs none of the few
 * connections and has no limit. At the database hundreds at once had to wait for a connection for so long that some got none,
 * and their rows were never written.
 */
export class AppendTurns {
  private readonly turns = new Semaphore(AT_ONCE);
  private failures = 0;

  async run(work: () => Promise<void>): Promise<void> {
    const before = this.failures;
    const isDone = await this.turns.run(async () => {
      if (this.failures !== before) return false;
      try {
        await work();
        return true;
      } catch (error) {
        this.failures++;
        throw error;
      }
    });
    // A database that is away must not be found away by one after the other.
    if (!isDone) await work();
  }
}
