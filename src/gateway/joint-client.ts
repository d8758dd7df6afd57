import type { Principal } from '../auth/principal';
import type { RpcMessage } from '../mcp/json-rpc.types';
import { withValueAt } from '../mcp/json-text';
import type { Exchange } from '../mcp/relay.types';
import type { Endpoint, SessionClient } from './gateway.types';
import type { JointExchange } from './joint-exchange';

/** What a session of the joint endpoint does for its clients at single tools. */
export interface JointHome {
  readonly client: SessionClient;
  /** A request of a server gets an id of our own: two servers may use the same. Returns it as JSON. */
  adopt(from: JointClient, idText: string): string;
  /** The id under which the client knows a request of that server, as JSON; undefined: none that still waits. */
  adopted(from: JointClient, idText: string): string | undefined;
  /** How the client knows a resource of a tool. */
  shownUri(tool: string, uri: string): string;
  /** What the server of one tool knew is lost; the next request begins anew there. */
  drop(client: JointClient): void;
}

/** A session of the joint endpoint as one of its tools sees it. */
export class JointClient implements SessionClient {
  readonly era = 'legacy';
  protocolVersion = '';
  /** Requests to this tool that wait. */
  readonly exchanges = new Set<JointExchange>();
  /** Set once the tool has taken the client in. */
  ready: Promise<void> = Promise.resolve();

  constructor(
    private readonly home: JointHome,
    readonly endpoint: Endpoint,
  ) {}

  get name(): string | null {
    return this.home.client.name;
  }

  get sessionId(): string {
    return this.home.client.sessionId;
  }

  get envelope(): string {
    return this.home.client.envelope;
  }

  get principal(): Principal {
    return this.home.client.principal;
  }

  get logLevel(): string | null {
    return this.home.client.logLevel;
  }

  get capabilities(): Readonly<Record<string, unknown>> {
    return this.home.client.capabilities;
  }

  get lastExchange(): Exchange | null {
    let last: Exchange | null = null;
    for (const exchange of this.exchanges) last = exchange;
    return last;
  }

  push(text: string): void {
    const shown = this.shown(text);
    if (shown !== null) this.home.client.push(shown);
  }

  /** One server that ends does not end the session with all the others. */
  end(): void {
    this.home.drop(this);
  }

  /** What a server says, as the client of all has to hear it; null: not at all. */
  shown(text: string): string | null {
    const message = JSON.parse(text) as RpcMessage;
    const { method } = message;
    if (method === undefined) return text;
    if (message.id !== undefined && message.id !== null) {
      return withValueAt(text, ['id'], this.home.adopt(this, JSON.stringify(message.id)));
    }
    switch (method) {
      // The joint lists are watched as a whole.
      case 'notifications/tools/list_changed':
      case 'notifications/prompts/list_changed':
      case 'notifications/resources/list_changed':
        return null;
      case 'notifications/resources/updated': {
        const uri = message.params?.uri;
        if (typeof uri !== 'string') return text;
        return withValueAt(text, ['params', 'uri'], JSON.stringify(this.home.shownUri(this.endpoint.name, uri)));
      }
      case 'notifications/cancelled': {
        const idText = JSON.stringify(message.params?.requestId ?? null);
        const known = this.home.adopted(this, idText);
        return known === undefined ? null : withValueAt(text, ['params', 'requestId'], known);
      }
      default:
        return text;
    }
  }
}
