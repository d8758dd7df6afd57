import type { TrafficRecord } from '../../src/mcp/traffic';

/** A call that passed to the tool "weather"; what a test is about overrides it. */
export function aTrafficRecord(given: Partial<TrafficRecord> = {}): TrafficRecord {
  return {
    at: 1_000,
    toolId: 't-1',
    toolName: 'weather',
    sessionId: null,
    client: 'mcps',
    direction: 'to-server',
    kind: 'request',
    method: 'tools/call',
    target: 'forecast',
    rpcId: 1,
    outcome: null,
    durationMs: null,
    sizeBytes: 20,
    payload: '{"jsonrpc":"2.0"}',
    ...given,
  };
}
