import { getHeapSpaceStatistics, type HeapSpaceInfo } from 'node:v8';

/** One part of the heap of this thread, such as `old_space`. @throws if V8 has no such part */
export function heapSpace(name: string): HeapSpaceInfo {
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === name);
  if (space === undefined) throw new Error(`V8 has no ${name}`);
  return space;
}
