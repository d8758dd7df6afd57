/** Numbers of a message in `cells`, eight bytes each. */
export const CELL = {
  offset: 0,
  at: 1,
  context: 2,
  durationMs: 3,
  sizeBytes: 4,
  rpcId: 5,
  payloadEnd: 6,
  mark: 7,
} as const;
export const CELLS = 8;
/** `mark`: whether the message is cut, which of `tails` its id ends with (0: the id is in `ids`), and its count there. */
export const MARK = { truncated: 1, payload: 2, count: 4, tail: 4 * 4096 } as const;

/** What the messages of a chunk have in common, and what finds no place in numbers. */
export interface ChunkHead {
  /** Tool, session, client, direction, kind, method, target, outcome: most messages share theirs with others. */
  contexts: (string | null)[][];
  tails: string[];
  /** By the place in the chunk. */
  ids: Record<number, string>;
  rpcIds: Record<number, string>;
}
