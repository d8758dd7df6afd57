import type { ChunkHead } from './chunk-format';

/** What a chunk can be found by. Values that most messages have are none: they lead nowhere. */
export const KEY = {
  tool: (id: string) => `t:${id}`,
  session: (id: string) => `s:${id}`,
  target: (target: string) => `g:${target}`,
  method: (method: string) => `m:${method}`,
  kind: (kind: string) => `k:${kind}`,
  /** A duration of at least so many milliseconds: one of SLOW_MS. */
  slow: (ms: number) => `d:${ms}`,
  /** Messages of a batch that came twice, and those whose ids are not of a batch. */
  tail: (tail: string) => `b:${tail}`,
  id: (id: string) => `i:${id}`,
} as const;
export const COMMON_METHOD = 'tools/call';
/** Most calls are answered sooner than the first of these. */
export const SLOW_MS = [10, 100, 1_000, 10_000] as const;
export const RARE_KINDS: ReadonlySet<string> = new Set(['error', 'notification']);

/** The keys of a chunk that is stored. */
export function keysOfStored(head: string, maxMs: number | null): string[] {
  return chunkKeys(JSON.parse(head) as ChunkHead, maxMs);
}

export function chunkKeys({ contexts, tails, ids }: ChunkHead, maxMs: number | null): string[] {
  const keys = new Set<string>();
  for (const [toolId, , session, , , kind, method, target] of contexts) {
    if (toolId) keys.add(KEY.tool(toolId));
    if (session) keys.add(KEY.session(session));
    if (target) keys.add(KEY.target(target));
    if (method && method !== COMMON_METHOD) keys.add(KEY.method(method));
    if (kind && RARE_KINDS.has(kind)) keys.add(KEY.kind(kind));
  }
  for (const tail of tails.slice(1)) keys.add(KEY.tail(tail));
  for (const id of Object.values(ids)) keys.add(KEY.id(id));
  for (const ms of SLOW_MS) if (maxMs !== null && maxMs >= ms) keys.add(KEY.slow(ms));
  return [...keys];
}
