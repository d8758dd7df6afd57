import type { AnswerText } from './answer-text';
import type { ClientMessage, MetaEdit } from './client-message';
import type { RpcId, RpcMessage, RpcParams } from './json-rpc.types';
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

/** A request of a client that is passed on as it stands, but for what `edit` says. */
export interface RelayCall {
  source: ClientMessage;
  edit?: MetaEdit;
  /** Infinite: it may stay open for ever, as `subscriptions/listen` does. */
  timeoutMs: number;
  client: string | null;
  sessionId: string | null;
}

/** Where a relayed request ends: exactly one of `onAnswer` and `onError` is called, once, and never from within `relay`. */
export interface RelaySink {
  /** What the server answered, a result or an error; it carries our id. */
  onAnswer(answer: AnswerText): void;
  onError(error: PeerCallError): void;
  /** A notification that names this request; its text carries the client's own token or id again. */
  onNotification(text: string): void;
}

/** Takes a request of the server; false: it is answered with "method not found". The answer goes to `McpPeer.respond`. */
export type ServerRequestHandler = (message: RpcMessage, text: string) => boolean;

export interface CallHandle {
  /** The id on the wire. */
  readonly id: number;
  /** Gives up: tells the server and calls `onError`. Nothing happens if the call has ended. */
  cancel(reason?: string): void;
  /** The answer may come so much later, counted from now. Nothing happens if the call has ended, or may take for ever. */
  extend(timeoutMs: number): void;
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
