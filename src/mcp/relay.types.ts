import type { ClientMessage } from './client-message';
import type { McpPeer } from './mcp-peer';
import type { ProtocolEra } from './peer.types';
import type { CallOutcome } from './traffic';

/** How a request was answered, for those who count. */
export interface AnswerFacts {
  outcome: CallOutcome;
  /** The code of a JSON-RPC error. */
  errorCode: number | null;
}

export const ANSWERED_OK: AnswerFacts = Object.freeze({ outcome: 'ok', errorCode: null });
export const ANSWERED_TOOL_ERROR: AnswerFacts = Object.freeze({ outcome: 'tool_error', errorCode: null });

/** One request of a client that waits for its answer. Exactly one of `answer` and `fail` ends it; what comes later is lost. */
export interface Exchange {
  readonly message: ClientMessage;
  readonly isOver: boolean;
  /** `text`: the whole message under the client's own id. */
  answer(text: string, facts: AnswerFacts): void;
  /** There is no answer of a server; the client is told why in a JSON-RPC error. */
  fail(error: unknown): void;
  /** A message of the server that belongs to this request and comes before its answer: a notification or a request. */
  send(text: string): void;
  /** Told when the client gives the request up; set by who works on it. */
  onCancel: ((reason?: string) => void) | null;
}

/** Who asks, as relays have to know it. */
export interface RelayClient {
  /** For the record: the name that the MCP client gives itself, or that of the principal. */
  readonly name: string | null;
  /** The session at the gateway; null: the client keeps none (2026-07-28). */
  readonly sessionId: string | null;
  readonly era: ProtocolEra;
  /** `_meta` members (JSON, without braces) that its requests need on their way to a server of the modern era. */
  readonly envelope: string;
  /**
   * Asks the client something on behalf of a server that is at work on `exchange`; `params` is JSON. Resolves with the
   * text of its result, rejects with an RpcRefusal where it refuses. Missing: it can't be asked.
   */
  ask?(exchange: Exchange, method: string, params: string | undefined): Promise<string>;
}

/** A way for requests from clients of one era to servers of another, or the same. */
export interface Relay {
  request(peer: McpPeer, exchange: Exchange, client: RelayClient, timeoutMs: number): void;
}
