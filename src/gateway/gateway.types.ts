import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal';
import type { ClientMessage } from '../mcp/client-message';
import type { Exchange, RelayClient } from '../mcp/relay.types';

/** One HTTP request, as far as it has been looked at. */
export interface GatewayRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  /** The page's origin where a browser asks, and it may. */
  readonly origin: string | null;
  principal: Principal;
}

/** A client of the gateway: a session, or (2026-07-28) one request that brings all that is to be known of it. */
export interface GatewayClient extends RelayClient {
  readonly principal: Principal;
  /** The least severe log level it wants to hear; null: it has not said. */
  readonly logLevel: string | null;
  /** The capabilities that it declared. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** Sends it what belongs to none of its requests; of no use for clients without a session. */
  push(text: string): void;
}

/** A request of a client, and whose it is. */
export interface ClientExchange extends Exchange {
  readonly client: GatewayClient;
}

/** A client that keeps a session. */
export interface SessionClient extends GatewayClient {
  readonly sessionId: string;
  readonly protocolVersion: string;
  /** The request of it that was begun last and still waits: what its server asks meanwhile belongs there. */
  readonly lastExchange: Exchange | null;
  /** Ends the session; its client starts anew. */
  end(): void;
}

/**
 * What stands behind one URL: a tool, or all of them together. The fronts (HTTP, in each of its dialects) know nothing else
 * of the world behind.
 */
export interface Endpoint {
  /** Never changes: sessions belong to it. */
  readonly id: string;
  /** As in logs and metrics. */
  readonly name: string;
  /** Whether it is among the tools that the principal may use at all. */
  admits(principal: Principal): boolean;
  /** Begins a session. Resolves with the result of `initialize`, as JSON. */
  initialize(client: SessionClient, message: ClientMessage): Promise<InitializeAnswer>;
  /** Answers one request; whatever happens, the exchange is ended. Must not throw. */
  request(exchange: ClientExchange): void;
  /** Told of the end of every request that was begun here. */
  ended(exchange: ClientExchange): void;
  notify(client: GatewayClient, message: ClientMessage): void;
  /** The client's answer to a request of the server. */
  respond(client: SessionClient, message: ClientMessage): void;
  /** Lets go of whatever is kept for a client whose session has ended. */
  release(client: SessionClient): void;
}

export interface InitializeAnswer {
  /** JSON of the result. */
  result: string;
  protocolVersion: string;
}
