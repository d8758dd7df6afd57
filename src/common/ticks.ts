const TICK_MS = 1_000;

interface Beat {
  seconds: number;
  work: () => void;
}

/** One timer for all of the process. */
const beats = new Set<Beat>();
let timer: NodeJS.Timeout | null = null;
let ticks = 0;

/**
 * Does something every so many seconds, in the same moment as all others that asked for that: what a process does each time
 * it wakes costs more than most of what it looks at then (ADR 55). For looks that are short; the first one may come early.
 * Keeps no process alive. Call the result to stop.
 */
export function everySeconds(seconds: number, work: () => void): () => void {
  const beat = { seconds, work };
  beats.add(beat);
  timer ??= setInterval(tick, TICK_MS).unref();
  return () => {
    beats.delete(beat);
    if (beats.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

function tick(): void {
  ticks += 1;
  // Of those there are now: who begins meanwhile waits for the next one.
  for (const beat of [...beats]) {
    if (ticks % beat.seconds !== 0 || !beats.has(beat)) continue;
    try {
      beat.work();
    } catch (error) {
      // As if the timer were its own: it is reported as any bug is, and the others have their turn.
      process.nextTick(() => {
        throw error;
      });
    }
  }
}
