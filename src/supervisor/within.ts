import { setTimeout as delay } from 'node:timers/promises';

/** The value of `work`, or undefined if it takes longer; the work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const limit = new AbortController();
  try {
    return await Promise.race([work, delay(ms, undefined, { signal: limit.signal })]);
  } finally {
    limit.abort();
  }
}
