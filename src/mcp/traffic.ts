import type { RpcId, RpcKind } from './json-rpc.types';

export type TrafficDirection = 'to-server' | 'from-server';

/** How a request ended; the last three are given by us when no answer came. */
export type CallOutcome = 'ok' | 'tool_error' | 'rpc_error' | 'timeout' | 'cancelled' | 'transport_error';

/** One message that passed between us and a managed server, as cheap as it can be: references only, nothing is formatted. */
export interface TrafficRecord {
  /** Epoch milliseconds. */
  at: number;
  toolId: string;
  toolName: string;
  /** The client's session at the gateway; null when MCPS.ONE itself asked. */
  sessionId: string | null;
  /** Who asked: the name of an MCP client, a user or an API key, or `mcps` for ourselves. */
  client: string | null;
  direction: TrafficDirection;
  kind: RpcKind;
  /** Of a response or an error: the method of its request. */
  method: string | null;
  /** The MCP tool or prompt named, or the resource's URI. */
  target: string | null;
  rpcId: RpcId | null;
  outcome: CallOutcome | null;
  durationMs: number | null;
  sizeBytes: number;
  /** An answer to a call that had ended already: by a timeout, or because its caller gave up. */
  late?: boolean | undefined;
  /** The message as it stood on the wire; null when the tool's `recordPayloads` is off or there was none. */
  payload: string | null;
}

/** Where peers put what passes. The relay path calls it and goes on: it must not wait, throw or format. */
export interface TrafficSink {
  record(record: TrafficRecord): void;
}
