import { getPriority, setPriority } from 'node:os';

/** With so much more than others a thread that must share a core gets a quarter of it; with 10 more it would be a tenth. */
const NICER = 5;
const NICEST = 19;

/** So long a thread that makes way works in one go; as many milliseconds others may wait for its core. */
const WORK_MS = 0.3;
/** Shorter than a thread can sleep: Linux makes some 0.06 of it (Windows would make 15). */
const SLEEP_MS = 0.01;
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(4));

let isMakingWay = false;
let worksUntil = 0;

/**
 * Lets other threads go first: those who relay are waited for, the log is not. On Linux alone, where the call is about the
 * thread that makes it; elsewhere it would be about the whole process.
 */
export function makeWay(): void {
  if (process.platform !== 'linux') return;
  isMakingWay = true;
  try {
    setPriority(0, Math.min(NICEST, getPriority(0) + NICER));
  } catch {
    // As it was, then.
  }
}

/**
 * To be called often in the middle of long work. A thread that makes way sleeps then for a moment, three times a millisecond;
 * for others it does nothing.
 *
 * Being nice is not enough: Linux lets whoever has a core have it for its slice of some milliseconds, and who is woken
 * meanwhile waits, or takes the core of the thread that relays (ADR 58).
 */
export function giveWay(): void {
  if (!isMakingWay || performance.now() < worksUntil) return;
  Atomics.wait(NOBODY_WAKES, 0, 0, SLEEP_MS);
  worksUntil = performance.now() + WORK_MS;
}
