import { performance, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { heapSpace } from './common/heap-spaces';
import { everySeconds } from './common/ticks';
import { type Heap, HeapUpkeep } from './heap-upkeep';

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

/** V8 shows its collector (`gc`) to what is made from now on: to contexts, and to threads, each of which has a heap of its own. */
setFlagsFromString('--expose-gc');

/**
 * The program is loaded. What outlives the young generation from now on is collected when it has grown by a fifth: by itself
 * V8 waits until the heap is three times as large, for a program whose live part hardly changes. It costs a tenth of a second
 * for some hundred thousand calls. The limit is measured by what is left of a collection, so there is one now, which takes
 * as long and gives back what only loading needed. Sees to the rest once a second (HeapUpkeep).
 */
export function settleMemory(): void {
  setFlagsFromString('--heap-growing-percent=20');
  const heap = new MainHeap(() => upkeep.limitYoung());
  heap.collect();
  const upkeep = new HeapUpkeep(heap);
  let last = performance.eventLoopUtilization();
  everySeconds(1, () => {
    const now = performance.eventLoopUtilization();
    upkeep.look(performance.eventLoopUtilization(now, last).utilization);
    last = now;
  });
}

/** The heap of this thread; whether it grows is said for all of the process. */
class MainHeap implements Heap {
  private readonly gc: () => void;
  private readonly collections: PerformanceObserver;
  private isGrowing = false;

  /** `onCollected`: called after each collection while the young generation may grow. */
  constructor(onCollected: () => void) {
    this.collections = new PerformanceObserver(onCollected);
    this.gc = runInNewContext('gc') as () => void;
  }

  get youngSize(): number {
    return heapSpace('new_space').space_size;
  }

  get oldUsed(): number {
    return heapSpace('old_space').space_used_size;
  }

  setGrowing(on: boolean): void {
    if (on === this.isGrowing) return;
    this.isGrowing = on;
    setFlagsFromString(`--semi-space-growth-factor=${on ? 2 : 1}`);
    if (on) this.collections.observe({ type: 'gc' });
    else this.collections.disconnect();
  }

  collect(): void {
    this.gc();
  }
}
