import { getPriority, setPriority } from 'node:os';

/** With so much more than others a thread that must share a core gets a quarter of it; with 10 more it would be a tenth. */
const NICER = 5;
const NICEST = 19;

/**
 * Lets other threads go first: those who relay are waited for, the log is not. On Linux alone, where the call is about the
 * thread that makes it; elsewhere it would be about the whole process.
 */
export function makeWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, Math.min(NICEST, getPriority(0) + NICER));
  } catch {
    // As it was, then.
  }
}
