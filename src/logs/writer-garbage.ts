import { HeapGarbage } from '../common/heap-garbage';
import { heapSpace } from '../common/heap-spaces';

/** Some 5 ms of the writer's thread, for what comes together in minutes at a hundred calls a second. */
const LIMITS = { bytes: 256 * 1024, everyMs: 120_000 };

/**
 * Keeps the heap of the writer's thread as small as what it is used for; null where this thread has no collector: one that
 * the program has started has (start-memory.ts).
 */
export function writerGarbage(collect: (() => void) | undefined = globalThis.gc): HeapGarbage | null {
  if (collect === undefined) return null;
  const heap = {
    get oldUsed() {
      return heapSpace('old_space').space_used_size;
    },
    collect,
  };
  return new HeapGarbage(heap, LIMITS);
}
