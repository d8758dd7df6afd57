import type { ClientMessage } from '../mcp/client-message';
import { canBeAsked } from '../mcp/held-call';
import type { RpcId, RpcMessage } from '../mcp/json-rpc.types';
import type { McpPeer } from '../mcp/mcp-peer';
import { LEGACY_VERSIONS } from '../mcp/revisions';
import type { ToolFork } from '../supervisor/supervisor.service';
import type { ToolSession } from '../supervisor/tool-session';
import type { ToolFacts } from '../tools/tool-catalogue';
import type { GatewayClient, InitializeAnswer, SessionClient } from './gateway.types';
import { legacyInitializeResult } from './local-answers';
import { isLogWanted } from './log-levels';
import type { ServerBudget } from './server-budget';

/** So long may a client take to answer what a server asks: people are asked. */
const PATIENCE_MS = 600_000;

/** A server that one session has for itself. */
interface OwnServer {
  readonly fork: ToolFork;
  readonly session: ToolSession;
  readonly peer: McpPeer;
  /** What the server asked and the client has not answered yet, by the server's own id. */
  readonly asked: Map<RpcId, { request: RpcMessage; startedAt: number }>;
}

/** Servers of single sessions: where clients may be asked something, or the tool wants it so. They end with their session. */
export class OwnServers {
  private readonly servers = new Map<GatewayClient, OwnServer>();

  constructor(
    private readonly facts: () => ToolFacts,
    private readonly budget: ServerBudget,
  ) {}

  isNeeded({ capabilities }: SessionClient, shared: ToolSession): boolean {
    const { sharing } = this.facts();
    if (sharing !== 'auto') return sharing === 'per-session';
    // A server of the modern era asks in its answers: whose they are is known.
    const speaksLegacy = shared.identity?.supportedVersions.some((version) => LEGACY_VERSIONS.includes(version));
    return speaksLegacy === true && canBeAsked(capabilities);
  }

  of(client: GatewayClient): OwnServer | null {
    return this.servers.get(client) ?? null;
  }

  /** @throws TooManyOwnServersError, ToolStartFailedError, ... */
  async initialize(client: SessionClient, message: ClientMessage): Promise<InitializeAnswer> {
    const fork = await this.budget.start({ probe: 'legacy', initialize: message.params ?? {} });
    const { session } = fork;
    const { peer, identity } = session;
    if (peer === null || identity === null) throw new Error('a server that is ready has a connection');
    const own: OwnServer = { fork, session, peer, asked: new Map() };
    this.servers.set(client, own);
    peer.onNotification((method, params, text) => this.onNotification(own, client, method, params, text));
    peer.onServerRequest((request, text) => this.onRequest(own, client, request, text));
    // What it was told is lost with it: the client has to begin anew, and learns that by a 404.
    peer.onClose(() => client.end());
    return { result: legacyInitializeResult(identity, null), protocolVersion: identity.protocolVersion };
  }

  /** The client's answer to what the server asked. */
  respond(client: SessionClient, message: ClientMessage): void {
    const own = this.servers.get(client);
    const asked = own?.asked.get(message.id);
    if (own === undefined || asked === undefined) return;
    own.asked.delete(message.id);
    if (own.asked.size === 0) own.peer.extendAll(null);
    const { request, startedAt } = asked;
    const isError = message.kind === 'error';
    own.peer.respond(request, message.text, { client: client.name, sessionId: client.sessionId, startedAt, isError });
  }

  release(client: SessionClient): void {
    const own = this.servers.get(client);
    if (own === undefined) return;
    this.servers.delete(client);
    void own.fork.end();
  }

  private takeBack(own: OwnServer, id: unknown): void {
    if ((typeof id === 'string' || typeof id === 'number') && own.asked.delete(id) && own.asked.size === 0)
      own.peer.extendAll(null);
  }

  private onNotification(
    own: OwnServer,
    client: SessionClient,
    method: string,
    params: Record<string, unknown> | undefined,
    text: string,
  ): void {
    if (method === 'notifications/message' && !isLogWanted(params?.level, client.logLevel)) return;
    if (method === 'notifications/cancelled') this.takeBack(own, params?.requestId);
    const { lastExchange } = client;
    // Lists that changed are nobody's answer; a log, or the end of a question, most likely belongs to what is at work.
    if (lastExchange !== null && !method.endsWith('list_changed')) lastExchange.send(text);
    else client.push(text);
  }

  private onRequest(own: OwnServer, client: SessionClient, request: RpcMessage, text: string): boolean {
    if (request.id === undefined || request.id === null) return false;
    own.asked.set(request.id, { request, startedAt: performance.now() });
    // While people think, the server's calls are not late.
    own.peer.extendAll(PATIENCE_MS);
    const { lastExchange } = client;
    if (lastExchange !== null) lastExchange.send(text);
    else client.push(text);
    return true;
  }
}
