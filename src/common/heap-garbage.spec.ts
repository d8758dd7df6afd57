import { HeapGarbage } from './heap-garbage';

const KB = 1024;
const MINUTE = 60_000;

function aHeap() {
  let now = 5_000;
  const heap = {
    oldUsed: 1_000 * KB,
    live: 1_000 * KB,
    collections: 0,
    collect() {
      heap.collections += 1;
      heap.oldUsed = heap.live;
    },
  };
  const garbage = new HeapGarbage(heap, { bytes: 256 * KB, everyMs: 2 * MINUTE }, () => now);
  return {
    heap,
    /** Looks when so much time has passed and so much has come together. */
    look: (ms: number, bytes: number, isGoodMoment?: boolean) => {
      now += ms;
      heap.oldUsed += bytes;
      garbage.look(isGoodMoment);
      return heap.collections;
    },
  };
}

describe('HeapGarbage', () => {
  it('is collected when enough has come together and enough time has passed', () => {
    const { heap, look } = aHeap();
    expect(look(MINUTE, 300 * KB)).toBe(0);
    expect(look(MINUTE, 0)).toBe(1);
    expect(heap.oldUsed).toBe(1_000 * KB);
    expect(look(2 * MINUTE, 255 * KB)).toBe(1);
    expect(look(1, KB)).toBe(2);
  });

  it('waits for a good moment', () => {
    const { look } = aHeap();
    expect(look(10 * MINUTE, 300 * KB, false)).toBe(0);
    expect(look(1, 0, true)).toBe(1);
  });

  it('is counted from what V8 itself has left', () => {
    const { look } = aHeap();
    expect(look(MINUTE, -200 * KB)).toBe(0);
    expect(look(MINUTE, 255 * KB)).toBe(0);
    expect(look(1, KB)).toBe(1);
  });

  it('is not looked for again and again where what has come together stays in use', () => {
    const { heap, look } = aHeap();
    heap.live = 1_300 * KB;
    expect(look(2 * MINUTE, 300 * KB)).toBe(1);
    expect(look(10 * MINUTE, 0)).toBe(1);
  });
});
