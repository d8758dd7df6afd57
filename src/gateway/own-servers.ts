import { isRecord } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import type { RpcId, RpcMessage } from '../mcp/json-rpc.types';
import type { McpPeer } from '../mcp/mcp-peer';
import { LEGACY_VERSIONS } from '../mcp/revisions';
import type { ToolFork } from '../supervisor/supervisor.service';
import type { ToolSession } from '../supervisor/tool-session';
import type { ToolCatalogue, ToolFacts } from '../tools/tool-catalogue';
import { TooManyOwnServersError } from './gateway.errors';
import type { GatewayLimits } from './gateway-limits';
import type { GatewayClient, InitializeAnswer, SessionClient } from './gateway.types';
import { legacyInitializeResult } from './local-answers';
import { isLogWanted } from './log-levels';

/** What a server may ask of a client: then it must know which client that is. */
const ASKING = ['sampling', 'elicitation', 'roots'] as const;

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
  private starting = 0;

  constructor(
    private readonly facts: () => ToolFacts,
    private readonly catalogue: ToolCatalogue,
    private readonly limits: GatewayLimits,
  ) {}

  isNeeded({ capabilities }: SessionClient, shared: ToolSession): boolean {
    const { sharing } = this.facts();
    if (sharing !== 'auto') return sharing === 'per-session';
    // A server of the modern era asks in its answers: whose they are is known.
    const speaksLegacy = shared.identity?.supportedVersions.some((version) => LEGACY_VERSIONS.includes(version));
    return speaksLegacy === true && ASKING.some((name) => isRecord(capabilities[name]));
  }

  of(client: GatewayClient): OwnServer | null {
    return this.servers.get(client) ?? null;
  }

  /** @throws TooManyOwnServersError, ToolStartFailedError, ... */
  async initialize(client: SessionClient, message: ClientMessage): Promise<InitializeAnswer> {
    const { id, name } = this.facts();
    const limit = this.limits.serversPerTool;
    if (this.servers.size + this.starting >= limit) throw new TooManyOwnServersError(name, limit);
    this.starting += 1;
    const fork = await this.catalogue
      .fork(id, { probe: 'legacy', initialize: message.params ?? {} })
      .finally(() => (this.starting -= 1));
    const { session } = fork;
    const { peer, identity } = session;
    if (peer === null || identity === null) throw new Error('a server that is ready has a connection');
    const own: OwnServer = { fork, session, peer, asked: new Map() };
    this.servers.set(client, own);
    peer.onNotification((method, params, text) => this.onNotification(client, method, params, text));
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

  private onNotification(
    client: SessionClient,
    method: string,
    params: Record<string, unknown> | undefined,
    text: string,
  ): void {
    if (method === 'notifications/message' && !isLogWanted(params?.level, client.logLevel)) return;
    const { lastExchange } = client;
    // Lists that changed are nobody's answer; a log, or the end of a question, most likely belongs to what is at work.
    if (lastExchange !== null && !method.endsWith('list_changed')) lastExchange.send(text);
    else client.push(text);
  }

  private onRequest(own: OwnServer, client: SessionClient, request: RpcMessage, text: string): boolean {
    if (request.id === undefined || request.id === null) return false;
    own.asked.set(request.id, { request, startedAt: performance.now() });
    const { lastExchange } = client;
    if (lastExchange !== null) lastExchange.send(text);
    else client.push(text);
    return true;
  }
}
