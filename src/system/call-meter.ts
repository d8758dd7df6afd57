import { Injectable, type OnModuleInit } from '@nestjs/common';
import { OWN_CLIENT } from '../mcp/peer.types';
import type { CallOutcome, TrafficRecord, TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { DurationHistogram } from '../metrics/duration-histogram';
import { MetricFamilies, type MetricSample } from '../metrics/metric-families';

/** Requests that the specification knows, of all revisions: whatever else a client thinks of is `other`. */
const METHODS = new Set([
  ...['initialize', 'ping', 'server/discover', 'subscriptions/listen'],
  ...['tools/list', 'tools/call', 'prompts/list', 'prompts/get', 'completion/complete', 'logging/setLevel'],
  ...['resources/list', 'resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe'],
  ...['tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel', 'tasks/update'],
]);

interface ToolCalls {
  name: string;
  byMethod: Map<string, Map<CallOutcome, DurationHistogram>>;
}

/** The end of one call of a client. */
export type CallListener = (outcome: CallOutcome, durationMs: number | null) => void;

/**
 * Counts calls of clients where they all pass, through whatever door they came: by tool, method and outcome. What MCPS.ONE
 * asks by itself does not count, nor does an answer that came too late.
 */
@Injectable()
export class CallMeter implements TrafficSink, OnModuleInit {
  /** Since the start. */
  calls = 0;
  errors = 0;
  private readonly byTool = new Map<string, ToolCalls>();
  private listener: CallListener = () => undefined;

  constructor(
    private readonly tap: TrafficTap,
    families: MetricFamilies,
  ) {
    families.register({
      name: 'mcps_gateway_call_duration_seconds',
      help: 'How long requests of clients to tools took, by MCP method and outcome; its count is how many there were',
      type: 'histogram',
      collect: () => this.samples(),
    });
  }

  onModuleInit(): void {
    this.tap.connect(this);
  }

  /** Who keeps the series. */
  onCall(listener: CallListener): void {
    this.listener = listener;
  }

  record({ direction, outcome, client, toolId, toolName, method, late, durationMs }: TrafficRecord): void {
    if (outcome === null || direction !== 'from-server' || late === true) return;
    if (client === null || client === OWN_CLIENT) return;
    this.calls += 1;
    if (outcome !== 'ok' && outcome !== 'cancelled') this.errors += 1;
    this.histogramOf(toolId, toolName, method, outcome).add(durationMs ?? 0);
    this.listener(outcome, durationMs);
  }

  /** Tools by their ids; what is not among them any more is forgotten, and a new name holds from now on. */
  keep(names: ReadonlyMap<string, string>): void {
    for (const [toolId, calls] of this.byTool) {
      const name = names.get(toolId);
      if (name === undefined) this.byTool.delete(toolId);
      else calls.name = name;
    }
  }

  private histogramOf(id: string, name: string, method: string | null, outcome: CallOutcome): DurationHistogram {
    let tool = this.byTool.get(id);
    if (tool === undefined) this.byTool.set(id, (tool = { name, byMethod: new Map() }));
    const shown = method !== null && METHODS.has(method) ? method : 'other';
    let outcomes = tool.byMethod.get(shown);
    if (outcomes === undefined) tool.byMethod.set(shown, (outcomes = new Map<CallOutcome, DurationHistogram>()));
    let histogram = outcomes.get(outcome);
    if (histogram === undefined) outcomes.set(outcome, (histogram = new DurationHistogram()));
    return histogram;
  }

  private *samples(): Generator<MetricSample> {
    for (const { name, byMethod } of this.byTool.values()) {
      for (const [method, outcomes] of byMethod) {
        for (const [outcome, histogram] of outcomes) yield* histogram.samples({ tool: name, method, outcome });
      }
    }
  }
}
