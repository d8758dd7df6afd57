import { McpPeer } from '../../src/mcp/mcp-peer';
import type { PeerRequest } from '../../src/mcp/promised-call';
import type { PeerCallError } from '../../src/mcp/peer.errors';
import type { CallSink } from '../../src/mcp/peer.types';
import type { RpcParams } from '../../src/mcp/json-rpc.types';
import type { TrafficRecord } from '../../src/mcp/traffic';
import { FakeTransport } from './fake-transport';

export const CLIENT_INFO = { name: 'mcps-one', version: '1.0.0' };

/** A peer over a transport of the test's own, with a clock that stands still and all that it records. */
export class PeerWorld {
  readonly transport = new FakeTransport();
  readonly records: TrafficRecord[] = [];
  readonly tool = { id: 't1', name: 'files', recordPayloads: true };
  clock = 1000;
  readonly peer = new McpPeer({
    transport: this.transport,
    sink: { record: (record) => void this.records.push(record) },
    tool: this.tool,
    clientInfo: CLIENT_INFO,
    now: () => this.clock,
    monotonic: () => this.clock,
  });

  async open(): Promise<this> {
    await this.peer.open(new AbortController().signal);
    return this;
  }

  call(method = 'tools/call', params?: RpcParams, more: Partial<PeerRequest> = {}): PeerRequest {
    return { method, params, timeoutMs: 5000, client: 'claude', sessionId: 's1', ...more };
  }

  get last(): TrafficRecord | undefined {
    return this.records.at(-1);
  }
}

/** Keeps what a call ended with. */
export class Ending implements CallSink {
  results: unknown[] = [];
  errors: PeerCallError[] = [];
  onResult(result: unknown): void {
    this.results.push(result);
  }
  onError(error: PeerCallError): void {
    this.errors.push(error);
  }
  get count(): number {
    return this.results.length + this.errors.length;
  }
}
