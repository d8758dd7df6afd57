import { type Heap, HeapUpkeep } from './heap-upkeep';

const MB = 1024 * 1024;
const MINUTE = 60_000;

class FakeHeap implements Heap {
  youngSize = 8 * MB;
  isGrowing = false;
  collections = 0;

  /** `live` is what a collection leaves. */
  constructor(
    public oldUsed = 40 * MB,
    public live = 40 * MB,
  ) {}

  setGrowing(on: boolean): void {
    this.isGrowing = on;
  }

  collect(): void {
    this.collections += 1;
    this.oldUsed = this.live;
  }
}

function upkeepOf(heap: FakeHeap) {
  let now = 1_000;
  const upkeep = new HeapUpkeep(heap, () => now);
  return {
    limitYoung: () => upkeep.limitYoung(),
    look: (load: number, afterMs = 1_000) => {
      now += afterMs;
      upkeep.look(load);
    },
  };
}

describe('HeapUpkeep', () => {
  it('lets the young generation grow to twice 4 MB', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    heap.youngSize = 2 * MB;
    look(0.1);
    expect(heap.isGrowing).toBe(true);
    heap.youngSize = 8 * MB;
    look(0.1);
    expect(heap.isGrowing).toBe(false);
  });

  it('lets it grow to twice 8 MB when the loop has been busy for some seconds', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    for (const load of [0.9, 0.9, 0.9, 0.9, 0.4, 0.9, 0.9, 0.9, 0.9]) look(load);
    expect(heap.isGrowing).toBe(false);
    look(0.9);
    expect(heap.isGrowing).toBe(true);
    heap.youngSize = 16 * MB;
    look(0.9);
    expect(heap.isGrowing).toBe(false);
  });

  it('ends its growing as soon as it is large enough', () => {
    const heap = new FakeHeap();
    const { look, limitYoung } = upkeepOf(heap);
    heap.youngSize = 2 * MB;
    look(0.1);
    heap.youngSize = 4 * MB;
    limitYoung();
    expect(heap.isGrowing).toBe(true);
    heap.youngSize = 8 * MB;
    limitYoung();
    expect(heap.isGrowing).toBe(false);
  });

  it('collects what has gathered in the old generation once two minutes have passed', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    heap.oldUsed = 42 * MB;
    look(0.1, 2 * MINUTE - 1);
    expect(heap.collections).toBe(0);
    look(0.1, 1);
    expect(heap.collections).toBe(1);
    heap.oldUsed = 42 * MB;
    look(0.1, MINUTE);
    expect(heap.collections).toBe(1);
  });

  it('waits until the loop has little to do', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    heap.oldUsed = 60 * MB;
    look(0.5, 3 * MINUTE);
    expect(heap.collections).toBe(0);
    look(0.1);
    expect(heap.collections).toBe(1);
  });

  it('leaves a heap alone in which nothing gathers', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    for (let minute = 0; minute < 60; minute++) {
      heap.oldUsed += 10_000;
      look(0.01, MINUTE);
    }
    expect(heap.collections).toBe(0);
  });

  it('does not take for garbage what a collection has left', () => {
    const heap = new FakeHeap();
    const { look } = upkeepOf(heap);
    heap.oldUsed = heap.live = 60 * MB;
    look(0.1, 3 * MINUTE);
    for (let minute = 0; minute < 60; minute++) look(0.1, MINUTE);
    expect(heap.collections).toBe(1);
  });

  it('counts from what a collection of V8 has left', () => {
    const heap = new FakeHeap(48 * MB);
    const { look } = upkeepOf(heap);
    heap.oldUsed = 40 * MB;
    look(0.1);
    heap.oldUsed = 42 * MB;
    look(0.1, 2 * MINUTE);
    expect(heap.collections).toBe(1);
  });
});
