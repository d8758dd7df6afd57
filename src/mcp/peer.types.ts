import type { RpcId, RpcParams } from './json-rpc.types';
import type { PeerCallError } from './peer.errors';

export type ProtocolEra = 'legacy' | 'modern';

/** The `client` of requests that are our own. */
export const OWN_CLIENT = 'mcps';

/** The tool a peer talks to, as it shows in records; `recordPayloads` may be switched while the peer lives. */
export interface PeerTool {
  readonly id: string;
  readonly name: string;
  readonly recordPayloads: boolean;
}

/** One request to the server. */
export interface PeerCall {
  method: string;
  params?: RpcParams;
  timeoutMs: number;
  /** Who asks, for the record; `mcps` for ourselves. */
  client: string | null;
  /** The client's session at the gateway. */
  sessionId: string | null;
  /** The id that the client gave; the wire carries the peer's own. */
  clientRpcId?: RpcId;
}

/** Where one call ends: exactly one of `onResult` and `onError` is called, once, and never from within `send`. */
export interface CallSink {
  /** `text` is the whole answer as it stood on the wire. */
  onResult(result: unknown, text: string): void;
  onError(error: PeerCallError): void;
  /** Asking for it makes the server report progress; `params` carry the caller's own token again if it had one. */
  onProgress?(params: RpcParams): void;
}

export interface CallHandle {
  /** The id on the wire. */
  readonly id: number;
  /** Gives up: tells the server and calls `onError`. Nothing happens if the call has ended. */
  cancel(reason?: string): void;
}

/** What was counted of a connection since it began. */
export interface PeerCounters {
  /** Lines that were no JSON-RPC message. */
  noise: number;
  /** Messages over the size cap. */
  oversized: number;
  /** Answers to calls that had ended: after a timeout or a cancel, or a second time. */
  late: number;
  /** Answers to nothing we ever asked, and requests that this revision does not know. */
  unknown: number;
  /** Sinks and listeners that threw; each is a bug of ours. */
  listenerFailures: number;
}

export type NotificationListener = (method: string, params: RpcParams | undefined, text: string) => void;
