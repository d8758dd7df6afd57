import timersPromises, { setImmediate as turn } from 'node:timers/promises';

/** Turns of the event loop in which everything in memory has answered everything else, before any time passes. */
const TURNS = 25;

/**
 * For units whose whole world is in memory: in the tests of this file time passes by itself, but only while nothing is left
 * to be done, and then at once. A wait costs nothing, and however slow the machine is or how long it stalls, what takes no
 * time is never overtaken by what takes a millisecond.
 */
export function useVirtualTime(): void {
  const { setTimeout: realDelay } = timersPromises;
  let isOver = false;
  let passing: Promise<void>;
  const pass = async (): Promise<void> => {
    while (!isOver) {
      for (let n = 0; n < TURNS; n += 1) await turn();
      jest.advanceTimersByTime(1);
    }
  };
  beforeAll(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
    // Jest leaves these alone.
    Object.assign(timersPromises, { setTimeout: virtualDelay });
    passing = pass();
  });
  afterAll(async () => {
    isOver = true;
    await passing;
    Object.assign(timersPromises, { setTimeout: realDelay });
    jest.useRealTimers();
  });
}

/** Looks after each turn of the event loop, so that no time passes between the truth and the next line of the test. */
export async function soon<T>(condition: () => T | undefined | null | false): Promise<T> {
  for (;;) {
    const value = condition();
    if (value) return value;
    await turn();
  }
}

function virtualDelay<T>(ms?: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(new DOMException('The operation was aborted', 'AbortError'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve(value as T);
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}
