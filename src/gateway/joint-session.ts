import { ClientMessage } from '../mcp/client-message';
import { withValueAt } from '../mcp/json-text';
import { SessionUnknownError } from './gateway.errors';
import type { Endpoint, SessionClient } from './gateway.types';
import { JointClient, type JointHome } from './joint-client';
import { JointExchange } from './joint-exchange';

/** A request of a server that the client has not answered yet. */
interface Adopted {
  from: JointClient;
  idText: string;
}

/** Questions that a client never answers are forgotten at some time. */
const MAX_WAITING = 256;
const NOWHERE = { answer: () => undefined, fail: () => undefined, send: () => undefined };

/**
 * A session at the joint endpoint: at each tool a client of its own, made when the tool is first needed. So servers of
 * single sessions, the bridge between eras and all that is kept of a session work for it as they do for one tool.
 */
export class JointSession implements JointHome {
  private readonly clients = new Map<string, JointClient>();
  private readonly waiting = new Map<string, Adopted>();
  /** Resources it wants to hear of, by tool and address, as it knows them. */
  private readonly subscribed = new Map<string, string>();
  private lastId = 0;

  constructor(
    readonly client: SessionClient,
    private readonly initialize: ClientMessage,
  ) {}

  /** The client at one tool, once that has taken it in. */
  async at(endpoint: Endpoint): Promise<JointClient> {
    let client = this.clients.get(endpoint.id);
    if (client === undefined) {
      client = new JointClient(this, endpoint);
      this.clients.set(endpoint.id, client);
      client.ready = this.introduce(client);
    }
    await client.ready;
    return client;
  }

  noteSubscription(tool: string, uri: string, shown: string | null): void {
    const key = `${tool}\n${uri}`;
    if (shown === null) this.subscribed.delete(key);
    else this.subscribed.set(key, shown);
  }

  /** A notification for every tool that knows the client. */
  tellAll(message: ClientMessage): void {
    for (const client of this.clients.values()) client.endpoint.notify(client, message);
  }

  /** A request to every tool that knows the client; nobody waits for the answers. */
  askAll(message: ClientMessage): void {
    for (const client of this.clients.values()) this.ask(client, message);
  }

  respond(message: ClientMessage): void {
    const adopted = this.waiting.get(message.idText);
    if (adopted === undefined) return;
    this.waiting.delete(message.idText);
    const { from, idText } = adopted;
    from.endpoint.respond(from, rewritten(message, ['id'], idText));
  }

  release(): void {
    for (const client of [...this.clients.values()]) this.drop(client);
  }

  adopt(from: JointClient, idText: string): string {
    this.lastId += 1;
    const own = JSON.stringify(`joint-${this.lastId}`);
    this.waiting.set(own, { from, idText });
    const [oldest] = this.waiting.keys();
    if (this.waiting.size > MAX_WAITING && oldest !== undefined) this.waiting.delete(oldest);
    return own;
  }

  adopted(from: JointClient, idText: string): string | undefined {
    for (const [own, adopted] of this.waiting) if (adopted.from === from && adopted.idText === idText) return own;
    return undefined;
  }

  shownUri(tool: string, uri: string): string {
    return this.subscribed.get(`${tool}\n${uri}`) ?? uri;
  }

  drop(client: JointClient): void {
    if (this.clients.get(client.endpoint.id) === client) this.clients.delete(client.endpoint.id);
    for (const [own, { from }] of this.waiting) if (from === client) this.waiting.delete(own);
    client.endpoint.release(client);
  }

  private async introduce(client: JointClient): Promise<void> {
    const { endpoint } = client;
    try {
      const { protocolVersion } = await endpoint.initialize(client, this.initialize);
      client.protocolVersion = protocolVersion;
      // The session may have ended meanwhile: what was made for it goes as well.
      if (this.clients.get(endpoint.id) !== client) throw new SessionUnknownError();
      endpoint.notify(client, messageOf({ method: 'notifications/initialized' }));
      const level = this.client.logLevel;
      if (level !== null) this.ask(client, messageOf({ id: 0, method: 'logging/setLevel', params: { level } }));
    } catch (error) {
      this.drop(client);
      throw error;
    }
  }

  private ask(client: JointClient, message: ClientMessage): void {
    new JointExchange(client, message, client.endpoint, NOWHERE).begin();
  }
}

/** A message of our own making. */
export function messageOf(content: Record<string, unknown>): ClientMessage {
  return one(JSON.stringify({ jsonrpc: '2.0', ...content }));
}

/** A message with one value exchanged; all else stays byte for byte. */
export function rewritten(message: ClientMessage, path: readonly string[], valueText: string): ClientMessage {
  return one(withValueAt(message.text, path, valueText));
}

function one(text: string): ClientMessage {
  const [message] = ClientMessage.readAll(text);
  if (message === undefined) throw new Error('a message was lost while it was rewritten');
  return message;
}
