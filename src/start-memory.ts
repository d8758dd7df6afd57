import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * What is made while a program is loaded stays (code, classes, the container). A young generation that is allowed to grow by
 * that, as V8 does by default, ends at twice 16 MB, which are given back when V8 next tidies up for want of anything else to
 * do: a minute or two after the start. So it stays as it is once the framework is loaded, at some 4 MB: that costs no time,
 * where one that never grew would cost a tenth of a second of collecting again and again.
 */
setFlagsFromString('--semi-space-growth-factor=1');

/**
 * Once all is quiet V8 collects the whole heap to give memory back, and then again once or twice, at a tenth of a second of
 * CPU each (in our threads as well). The first time gives back nearly all. V8 11 is that of Node 20.
 */
setFlagsFromString(
  process.versions.v8.startsWith('11.') ? '--memory-reducer-single-gc' : '--memory-reducer-gc-count=1',
);

/**
 * The program is loaded. From now on most of what is made dies young, and room for it saves work. What outlives that is
 * collected when it has grown by a fifth: by itself V8 waits until the heap is three times as large, for a program whose
 * live part hardly changes. It costs a tenth of a second for some hundred thousand calls. The limit is measured by what is
 * left of a collection, so there is one now, which takes as long and gives back what only loading needed.
 */
export function settleMemory(): void {
  // V8's own default.
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--heap-growing-percent=20');
  collect();
}

/** V8 shows its collector to new contexts only, and only if told to. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}
