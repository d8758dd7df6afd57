import { Injectable } from '@nestjs/common';
import type { CallOutcome } from '../mcp/traffic';

/** Upper ends of the buckets of durations, in milliseconds; what is longer is in one more. */
export const DURATION_BUCKETS_MS: readonly number[] = [
  1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
];

/** The methods that are told apart; all others are `other`, so that a client can't make series without end. */
const METHODS: ReadonlySet<string> = new Set([
  ...['initialize', 'ping', 'server/discover', 'subscriptions/listen', 'completion/complete', 'logging/setLevel'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get'],
  ...['resources/list', 'resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe'],
  ...['tasks/get', 'tasks/list', 'tasks/result', 'tasks/cancel', 'tasks/update'],
]);

/** All requests of one tool, method and outcome since the start. */
export interface CallSeries {
  readonly tool: string;
  readonly method: string;
  readonly outcome: CallOutcome;
  count: number;
  /** Milliseconds in all. */
  sumMs: number;
  /** How many were in each of `DURATION_BUCKETS_MS`, each on its own, and in the one above. */
  readonly buckets: number[];
}

/**
 * What the gateway counts. To be read whenever somebody wants to know (metrics, status): `series()` for the calls,
 * `inFlight`, and `GatewaySessions.count` for the sessions. A request costs a look into two maps and two additions; nothing
 * is allocated but for the first of its kind.
 */
@Injectable()
export class GatewayCounters {
  /** Requests that wait for their answers. */
  inFlight = 0;
  /** Requests that were refused before they reached a tool, by the code of the error. */
  readonly refused = new Map<string, number>();
  private readonly tools = new Map<string, Map<string, CallSeries[]>>();

  /** All series there are; the objects go on counting. */
  series(): CallSeries[] {
    return [...this.tools.values()].flatMap((methods) => [...methods.values()].flat());
  }

  ended(tool: string, method: string, outcome: CallOutcome, durationMs: number): void {
    let methods = this.tools.get(tool);
    if (methods === undefined) this.tools.set(tool, (methods = new Map<string, CallSeries[]>()));
    const name = METHODS.has(method) ? method : 'other';
    let outcomes = methods.get(name);
    if (outcomes === undefined) methods.set(name, (outcomes = []));
    const series = outcomes.find((one) => one.outcome === outcome) ?? begin(outcomes, tool, name, outcome);
    series.count += 1;
    series.sumMs += durationMs;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS_MS.length && durationMs > (DURATION_BUCKETS_MS[bucket] ?? 0)) bucket += 1;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  noteRefusal(code: string): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }

  /** A tool is gone; what was counted of it goes as well. */
  forget(tool: string): void {
    this.tools.delete(tool);
  }
}

function begin(outcomes: CallSeries[], tool: string, method: string, outcome: CallOutcome): CallSeries {
  const buckets = Array<number>(DURATION_BUCKETS_MS.length + 1).fill(0);
  const series: CallSeries = { tool, method, outcome, count: 0, sumMs: 0, buckets };
  outcomes.push(series);
  return series;
}
