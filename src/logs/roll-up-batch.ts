import { bucketOf, LatencySketch } from '../metrics/latency-sketch';
import { DAY_MS, HOUR_MS, MINUTE_MS, startOfStep } from '../metrics/steps';
import { type LogEntryRow, PLACE } from './log-batch';
import type { LogRollupRow, McpRollupRow } from './log-rollup.entity';
import type { RollUpKeys } from './roll-up-keys';

/** Steps of the totals, and those of the calls by method and target: a month of them must not be read in hours. */
const COUNT_STEPS_MS = [MINUTE_MS, HOUR_MS, DAY_MS];
const CALL_STEPS_MS = [MINUTE_MS, HOUR_MS, DAY_MS];

/** The outcomes as columns of `mcp_rollup`. */
export const OUTCOME_COLUMNS = {
  ok: 'ok',
  tool_error: 'toolError',
  rpc_error: 'rpcError',
  timeout: 'timeout',
  cancelled: 'cancelled',
  transport_error: 'transportError',
} as const;
export type OutcomeColumn = (typeof OUTCOME_COLUMNS)[keyof typeof OUTCOME_COLUMNS] | 'notifications';

/** What messages have in common that is counted together. */
export interface CountedContext {
  toolId: string;
  toolName: string;
  kind: string | null;
  method: string | null;
  target: string | null;
  outcome: string | null;
  /** Where the last message that shares it was counted. */
  counted?: CallsOfMinute | undefined;
}

/** One minute of one method and target of a tool. */
export interface CallsOfMinute {
  batch: RollUpBatch;
  minute: number;
  toolId: string;
  toolName: string;
  method: string | null;
  target: string | null;
  counts: Record<OutcomeColumn, number>;
  /** How many durations fell into which bucket of a sketch: most have one or two, so a whole sketch would be waste. */
  durations: Map<number, number>;
}

type CallsOfMethod = Map<string | null, CallsOfMinute>;
type CallsOfTool = Map<string | null, CallsOfMethod>;

/** What the rows of a log add to the roll-ups: counted row by row, then spread over the steps. */
export class RollUpBatch {
  /** Rows counted. */
  size = 0;
  private readonly counts = new Map<string, LogRollupRow>();
  private readonly calls: CallsOfMinute[] = [];
  /** The same, found by minute, tool, method and target: building a name of these for each row would cost as much as all else. */
  private readonly found = new Map<number, Map<string, CallsOfTool>>();
  private last: LogRollupRow | null = null;

  add({ log, values }: LogEntryRow): void {
    const at = Number(values[PLACE.at]);
    if (log === 'mcp') {
      const durationMs = values[PLACE.durationMs];
      this.addMessage(at, countedOf(values), typeof durationMs === 'number' ? durationMs : NaN);
      return;
    }
    this.size++;
    this.count(log, String(values[PLACE.severity]), startOfStep(at, MINUTE_MS), false);
  }

  /** `durationMs`: NaN where it has none. */
  addMessage(at: number, context: CountedContext, durationMs: number): void {
    this.size++;
    const minute = startOfStep(at, MINUTE_MS);
    const { outcome } = context;
    this.count('mcp', '', minute, outcome !== null && outcome !== 'ok');
    const isNotification = context.kind === 'notification';
    // A request counts by its end; an answer that came too late has none, its request had ended before.
    if (outcome === null && !isNotification) return;
    const calls = this.callsOf(context, minute);
    calls.toolName = context.toolName;
    calls.counts[isNotification || outcome === null ? 'notifications' : columnOf(outcome)]++;
    if (durationMs >= 0) addTo(calls.durations, bucketOf(durationMs), 1);
  }

  /** The days that the rows lie in. */
  get days(): number[] {
    return [...new Set(this.calls.map(({ minute }) => startOfStep(minute, DAY_MS)))];
  }

  countRows(): LogRollupRow[] {
    const rows = new Map<string, LogRollupRow>();
    for (const count of this.counts.values()) {
      for (const stepMs of COUNT_STEPS_MS) {
        const at = startOfStep(count.at, stepMs);
        const name = `${count.log}|${count.part}|${stepMs}|${at}`;
        const row = rows.get(name) ?? { ...count, step: stepMs / 1000, at, entries: 0, errors: 0 };
        row.entries += count.entries;
        row.errors += count.errors;
        rows.set(name, row);
      }
    }
    return [...rows.values()];
  }

  /** `keys` must know the days. */
  callRows(keys: RollUpKeys): McpRollupRow[] {
    const rows = new Map<string, { row: McpRollupRow; durations: Map<number, number> }>();
    for (const { minute, toolId, toolName, method, target, counts, durations } of this.calls) {
      const named = keys.of(startOfStep(minute, DAY_MS), toolId, method, target);
      for (const stepMs of CALL_STEPS_MS) {
        const at = startOfStep(minute, stepMs);
        const name = `${stepMs}|${at}|${named.key}`;
        const known = rows.get(name) ?? {
          row: { step: stepMs / 1000, at, ...named, toolId, toolName, ...noCounts(), durations: '' },
          durations: new Map<number, number>(),
        };
        rows.set(name, known);
        for (const column of Object.keys(counts) as OutcomeColumn[]) known.row[column] += counts[column];
        for (const [bucket, count] of durations) addTo(known.durations, bucket, count);
        known.row.toolName = toolName;
      }
    }
    const sketch = new LatencySketch();
    return [...rows.values()].map(({ row, durations }) => {
      sketch.clear();
      for (const [bucket, count] of durations) sketch.addTo(bucket, count);
      return { ...row, durations: sketch.encode() };
    });
  }

  private count(log: string, part: string, minute: number, isError: boolean): void {
    // Most rows follow one of their kind.
    const known = this.last?.log === log && this.last.part === part && this.last.at === minute ? this.last : null;
    const row = known ?? inside(this.counts, `${log}|${part}|${minute}`, () => aCount(log, part, minute));
    row.entries++;
    if (isError) row.errors++;
    this.last = row;
  }

  private callsOf(context: CountedContext, minute: number): CallsOfMinute {
    const known = context.counted;
    if (known?.minute === minute && known.batch === this) return known;
    const { toolId, method, target } = context;
    const ofMinute = inside(this.found, minute, () => new Map<string, CallsOfTool>());
    const ofTool = inside(ofMinute, toolId, () => new Map<string | null, CallsOfMethod>());
    const ofMethod = inside(ofTool, method, () => new Map<string | null, CallsOfMinute>());
    const calls = inside(ofMethod, target, () => {
      const fresh: CallsOfMinute = {
        ...{ batch: this, minute, toolId, toolName: '', method, target, counts: noCounts() },
        durations: new Map<number, number>(),
      };
      this.calls.push(fresh);
      return fresh;
    });
    context.counted = calls;
    return calls;
  }
}

function countedOf(values: LogEntryRow['values']): CountedContext {
  return {
    toolId: String(values[PLACE.toolId]),
    toolName: String(values[PLACE.toolName]),
    kind: textOf(values[PLACE.kind]),
    method: textOf(values[PLACE.method]),
    target: textOf(values[PLACE.target]),
    outcome: textOf(values[PLACE.outcome]),
  };
}

/** What two encoded sketches say together. */
export function mergeDurations(scratch: LatencySketch, one: string, other: string): string {
  if (one === '' || other === '') return one + other;
  scratch.clear();
  scratch.mergeEncoded(one);
  scratch.mergeEncoded(other);
  return scratch.encode();
}

function columnOf(outcome: string): OutcomeColumn {
  const columns: Record<string, OutcomeColumn> = OUTCOME_COLUMNS;
  return columns[outcome] ?? 'transportError';
}

/** What a map has under a key, made where it has nothing. */
function inside<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function aCount(log: string, part: string, minute: number): LogRollupRow {
  return { log, part, step: 60, at: minute, entries: 0, errors: 0 };
}

function noCounts(): Record<OutcomeColumn, number> {
  return { ok: 0, toolError: 0, rpcError: 0, timeout: 0, cancelled: 0, transportError: 0, notifications: 0 };
}

function addTo(counts: Map<number, number>, bucket: number, count: number): void {
  counts.set(bucket, (counts.get(bucket) ?? 0) + count);
}

function textOf(value: string | number | null | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
