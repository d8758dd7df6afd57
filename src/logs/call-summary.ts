import { setImmediate as turn } from 'node:timers/promises';
import { LatencySketch } from '../metrics/latency-sketch';
import type { MethodStatsView } from './log-stats.dto';
import type { CountedCalls } from './log-stats.repository';
import { callName } from './call-name';
import { ADDED_COLUMNS } from './roll-up-columns';
import { OTHERS } from './roll-up-keys';

/** Entries of an answer; those after them are one. */
const MOST_ENTRIES = 500;
/** Sketches that are added up before the event loop gets its turn: about a millisecond. */
const SKETCHES_A_TURN = 200;
const VIEWS_A_TURN = 50;

/** What is known of one method and target of a tool. */
interface Calls {
  tool: string;
  lastAt: number;
  method: string | null;
  target: string | null;
  counts: number[];
  sketches: string[];
  buckets: [bucket: number, count: number][];
}

/** Adds up what was counted, however many parts it came in: one entry for each method and target, most frequent first. */
export async function summarizeCalls(parts: readonly CountedCalls[]): Promise<MethodStatsView[]> {
  const sorted = [...collect(parts).values()].sort((a, b) => sum(b.counts) - sum(a.counts));
  const rest = sorted.slice(MOST_ENTRIES);
  const shown = rest.length === 0 ? sorted : [...sorted.slice(0, MOST_ENTRIES), rest.reduce(asOne, others())];
  const sketch = new LatencySketch();
  const views: MethodStatsView[] = [];
  for (const calls of shown) {
    views.push(await toView(calls, sketch));
    if (views.length % VIEWS_A_TURN === 0) await turn();
  }
  return views;
}

function collect(parts: readonly CountedCalls[]): Map<string, Calls> {
  const byName = new Map<string, Calls>();
  for (const { toolId, toolName, method, target, lastAt, counts, sketches, bucket } of parts) {
    const name = callName(toolId, method, target);
    const known = byName.get(name) ?? { ...others(), method, target };
    byName.set(name, known);
    // A tool that was renamed is one tool still.
    if (lastAt >= known.lastAt) Object.assign(known, { tool: toolName, lastAt });
    add(known.counts, counts);
    if (sketches !== null) known.sketches.push(sketches);
    if (bucket !== null) known.buckets.push([bucket, sum(counts)]);
  }
  return byName;
}

function others(): Calls {
  const counts = ADDED_COLUMNS.map(() => 0);
  return { tool: OTHERS, lastAt: -Infinity, method: OTHERS, target: OTHERS, counts, sketches: [], buckets: [] };
}

function asOne(all: Calls, { counts, sketches, buckets }: Calls): Calls {
  add(all.counts, counts);
  for (const each of sketches) all.sketches.push(each);
  for (const each of buckets) all.buckets.push(each);
  return all;
}

async function toView({ tool, method, target, counts, sketches, buckets }: Calls, sketch: LatencySketch) {
  sketch.clear();
  let merged = 0;
  for (const encoded of sketches.flatMap((each) => each.split(';'))) {
    sketch.mergeEncoded(encoded);
    if (++merged % SKETCHES_A_TURN === 0) await turn();
  }
  for (const [bucket, count] of buckets) sketch.addTo(bucket, count);
  const count = sum(counts);
  const byOutcome: Record<string, number> = {};
  for (const [place, name] of ADDED_COLUMNS.entries()) {
    const ended = counts[place] ?? 0;
    if (name !== 'notifications' && ended > 0) byOutcome[name] = ended;
  }
  const notifications = counts[ADDED_COLUMNS.indexOf('notifications')] ?? 0;
  const errors = count - notifications - (byOutcome['ok'] ?? 0);
  return {
    tool,
    method,
    target,
    count,
    errors,
    errorRate: count === 0 ? 0 : Math.round((errors / count) * 10_000) / 10_000,
    p50Ms: rounded(sketch.quantile(0.5)),
    p95Ms: rounded(sketch.quantile(0.95)),
    p99Ms: rounded(sketch.quantile(0.99)),
    byOutcome,
  };
}

function add(to: number[], counts: readonly number[]): void {
  for (const [place, count] of counts.entries()) to[place] = (to[place] ?? 0) + count;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1_000) / 1_000;
}
