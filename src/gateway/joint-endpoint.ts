import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { VERSION } from '../common/version';
import { AnswerText } from '../mcp/answer-text';
import { isRecord, META_SERVER_INFO } from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { CallCancelledError } from '../mcp/peer.errors';
import { ANSWERED_OK, type AnswerFacts } from '../mcp/relay.types';
import { LEGACY_VERSIONS, NEWEST_LEGACY_VERSION } from '../mcp/revisions';
import { resultAnswer, RpcRefusal } from '../mcp/rpc-answers';
import { KnownOfferings, type OfferedList } from '../tools/known-offerings';
import { ToolCatalogue } from '../tools/tool-catalogue';
import { GatewayEndpoints } from './gateway-endpoints';
import type { ClientExchange, Endpoint, GatewayClient, InitializeAnswer, SessionClient } from './gateway.types';
import { withShownAddresses } from './joint-addresses';
import { JointExchange } from './joint-exchange';
import { type HeardResources, JointListeners } from './joint-listeners';
import { type JointListMethod, JointLists, LIST_CHANGED, type LeftOut, MEMBERS } from './joint-lists';
import { type JointRoute, JointRoutes } from './joint-routes';
import { JointSession, rewritten } from './joint-session';
import { JointWatch } from './joint-watch';
import { SUPPORTED_VERSIONS } from './local-answers';

const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
};
const SERVER_INFO = { name: 'mcps-one', title: 'MCPS.ONE', version: VERSION };
const NOT_CACHED = { ttlMs: 0, cacheScope: 'private' };
/** Where a list says which tools it is without. */
const LEFT_OUT = 'mcps.one/leftOut';
const MAX_INSTRUCTIONS = 16_384;

/** Requests that go to the one tool whose entry they name. */
const ROUTED: ReadonlySet<string> = new Set([
  ...['tools/call', 'prompts/get', 'completion/complete', 'resources/read'],
  ...['resources/subscribe', 'resources/unsubscribe'],
]);

/**
 * All tools that a caller may use, as one server: `/mcp`. It has no server of its own: lists are merged from what is known
 * of each tool, every other request goes to the endpoint of its tool, under the name that the tool itself uses.
 */
@Injectable()
export class JointEndpoint implements Endpoint, OnModuleInit, OnModuleDestroy {
  readonly id = 'all';
  readonly name = '(all)';
  private readonly sessions = new Map<GatewayClient, JointSession>();
  private readonly listeners = new JointListeners();
  private readonly routes: JointRoutes;
  private readonly watch: JointWatch;

  constructor(
    private readonly endpoints: GatewayEndpoints,
    private readonly lists: JointLists,
    catalogue: ToolCatalogue,
    known: KnownOfferings,
  ) {
    this.routes = new JointRoutes(catalogue, lists);
    this.watch = new JointWatch(catalogue, known, (toolIds, changed) => this.onChanged(toolIds, changed));
  }

  onModuleInit(): void {
    this.endpoints.all = this;
  }

  onModuleDestroy(): void {
    this.watch.isWanted = false;
  }

  /** A key without any tool has an empty list. */
  admits(): boolean {
    return true;
  }

  async initialize(client: SessionClient, message: ClientMessage): Promise<InitializeAnswer> {
    const asked = message.params?.protocolVersion;
    const isKnown = typeof asked === 'string' && LEGACY_VERSIONS.includes(asked);
    const protocolVersion = isKnown ? asked : NEWEST_LEGACY_VERSION;
    const instructions = await this.instructionsFor(client.principal);
    this.sessions.set(client, new JointSession(client, message));
    this.look();
    const result = { protocolVersion, capabilities: CAPABILITIES, serverInfo: SERVER_INFO, ...instructions };
    return { result: JSON.stringify(result), protocolVersion };
  }

  request(exchange: ClientExchange): void {
    this.serve(exchange).catch((error: unknown) => exchange.fail(error));
  }

  ended(): void {
    // What was begun at single tools for it ends by itself.
    this.look();
  }

  notify(client: GatewayClient, message: ClientMessage): void {
    // All else is of one tool (that the session has begun, say, each is told by its own client) or of nobody here.
    if (message.method === 'notifications/roots/list_changed') this.sessionOf(client)?.tellAll(message);
  }

  respond(client: SessionClient, message: ClientMessage): void {
    this.sessions.get(client)?.respond(message);
  }

  release(client: SessionClient): void {
    this.sessions.get(client)?.release();
    this.sessions.delete(client);
    this.look();
  }

  private async serve(exchange: ClientExchange): Promise<void> {
    const { message, client } = exchange;
    const { method } = message;
    if (isList(method)) return this.serveList(method, exchange);
    const isLegacy = client.era === 'legacy';
    if (method === 'logging/setLevel' && isLegacy) {
      this.sessionOf(client)?.askAll(message);
      this.complete(exchange, {});
      return;
    }
    if (method === 'server/discover' && !isLegacy) {
      const discovered = { supportedVersions: SUPPORTED_VERSIONS, capabilities: CAPABILITIES };
      this.complete(exchange, { ...discovered, ...(await this.instructionsFor(client.principal)), ...NOT_CACHED });
      return;
    }
    if (method === 'subscriptions/listen' && !isLegacy) return this.listen(exchange);
    const isKnown = ROUTED.has(method) && (isLegacy || !LEGACY_ONLY.has(method));
    if (!isKnown) throw new RpcRefusal(RPC_CODES.methodNotFound, `Method not found: ${method}`);
    await this.pass(exchange);
  }

  private async serveList(method: JointListMethod, exchange: ClientExchange): Promise<void> {
    const { message, client } = exchange;
    const page = await this.lists.page(method, client.principal, message.params?.cursor);
    const more = page.nextCursor === null ? {} : { nextCursor: page.nextCursor };
    const rest = client.era === 'legacy' ? more : { ...more, ...NOT_CACHED };
    const members = JSON.stringify(this.resultOf(client, rest, page.leftOut)).slice(1);
    const result = `{"${MEMBERS[method]}":[${page.entries.join(',')}]${members === '}' ? '' : ','}${members}`;
    exchange.answer(resultAnswer(message.idText, result), ANSWERED_OK);
  }

  /** Hands a request to the tool it names. */
  private async pass(exchange: ClientExchange): Promise<void> {
    const { message, client } = exchange;
    // Until the tool has it, nobody else hears that the client gives it up.
    exchange.onCancel = (reason) => exchange.fail(new CallCancelledError(this.name, message.method, reason));
    const route = await this.routes.find(message, client.principal, client.era);
    const endpoint = this.endpoints.of(route.facts);
    const session = this.sessionOf(client);
    const own = session === null ? null : await session.at(endpoint);
    if (exchange.isOver) return;
    const inner = new JointExchange(
      own ?? client,
      rewritten(message, route.path, JSON.stringify(route.value)),
      endpoint,
      {
        answer: (text, facts) => this.answer(exchange, route, text, facts),
        fail: (error) => exchange.fail(error),
        send: (text) => {
          const shown = own === null ? text : own.shown(text);
          if (shown !== null) exchange.send(shown);
        },
      },
      (ended) => own?.exchanges.delete(ended),
    );
    own?.exchanges.add(inner);
    exchange.onCancel = (reason) => inner.cancel(reason);
    inner.begin();
  }

  private answer(exchange: ClientExchange, { facts: tool, value }: JointRoute, text: string, facts: AnswerFacts): void {
    const { message, client } = exchange;
    const isSubscription = message.method === 'resources/subscribe' || message.method === 'resources/unsubscribe';
    if (isSubscription && facts.outcome === 'ok') {
      const uri = message.params?.uri;
      const shown = message.method === 'resources/subscribe' && typeof uri === 'string' ? uri : null;
      this.sessionOf(client)?.noteSubscription(tool.name, value, shown);
    }
    if (!text.includes('"uri"')) {
      exchange.answer(text, facts);
      return;
    }
    this.withAddresses(client.principal, tool.name, text)
      .catch(() => text)
      .then((shown) => exchange.answer(shown, facts))
      .catch((error: unknown) => exchange.fail(error));
  }

  private async withAddresses(principal: Principal, tool: string, text: string): Promise<string> {
    const answer = AnswerText.read(text);
    if (answer === null || answer.isError) return text;
    const addresses = await this.lists.addresses(principal);
    const { resultText } = answer;
    const shown = withShownAddresses(resultText, (uri) => addresses.shown(tool, uri));
    if (shown === resultText) return text;
    return text.slice(0, answer.resultStart) + shown + text.slice(answer.resultEnd);
  }

  private async listen(exchange: ClientExchange): Promise<void> {
    const { message, client } = exchange;
    const filter = isRecord(message.params) ? message.params.notifications : undefined;
    const asked = isRecord(filter) && Array.isArray(filter.resourceSubscriptions) ? filter.resourceSubscriptions : [];
    const heard = new Map<string, { endpoint: Endpoint; uris: Map<string, string> }>();
    const addresses = asked.length === 0 ? null : await this.lists.addresses(client.principal);
    for (const uri of asked) {
      const target = typeof uri === 'string' ? (addresses?.route(uri) ?? null) : null;
      const facts = target === null ? null : await this.lists.find(target.tool);
      if (target === null || facts === null) continue;
      const resources = heard.get(facts.id) ?? { endpoint: this.endpoints.of(facts), uris: new Map<string, string>() };
      resources.uris.set(target.uri, String(uri));
      heard.set(facts.id, resources);
    }
    if (exchange.isOver) return;
    this.listeners.add(exchange, [...heard.values()] satisfies HeardResources[]);
    this.look();
  }

  private complete(exchange: ClientExchange, result: Record<string, unknown>): void {
    const { message, client } = exchange;
    exchange.answer(resultAnswer(message.idText, JSON.stringify(this.resultOf(client, result))), ANSWERED_OK);
  }

  private resultOf(
    client: GatewayClient,
    result: Record<string, unknown>,
    leftOut: readonly LeftOut[] = [],
  ): Record<string, unknown> {
    const said = leftOut.length === 0 ? {} : { [LEFT_OUT]: leftOut };
    if (client.era === 'legacy') return leftOut.length === 0 ? result : { ...result, _meta: said };
    return { ...result, resultType: 'complete', _meta: { [META_SERVER_INFO]: SERVER_INFO, ...said } };
  }

  /** What the tools say of themselves, each under its name. */
  private async instructionsFor(principal: Principal): Promise<{ instructions?: string }> {
    const { offered } = await this.lists.view(principal, 0);
    const parts = offered.flatMap(({ facts, offering }) =>
      offering.instructions === null || offering.instructions === ''
        ? []
        : `# ${facts.name}\n\n${offering.instructions}`,
    );
    const text = parts.join('\n\n');
    return text === '' ? {} : { instructions: text.slice(0, MAX_INSTRUCTIONS) };
  }

  private onChanged(toolIds: ReadonlySet<string>, changed: ReadonlySet<OfferedList>): void {
    const concerns = ({ toolIds: own }: Principal): boolean => own === null || [...toolIds].some((id) => own.has(id));
    for (const list of changed) {
      const text = JSON.stringify({ jsonrpc: '2.0', method: LIST_CHANGED[list] });
      for (const client of this.sessions.keys()) if (concerns(client.principal)) client.push(text);
      this.listeners.changed(list, ({ client }) => concerns(client.principal));
    }
  }

  private sessionOf(client: GatewayClient): JointSession | null {
    return this.sessions.get(client) ?? null;
  }

  /** Which tools there are is watched as long as somebody would hear of it. */
  private look(): void {
    this.watch.isWanted = this.sessions.size > 0 || this.listeners.size > 0;
  }
}

const LEGACY_ONLY: ReadonlySet<string> = new Set(['resources/subscribe', 'resources/unsubscribe']);

function isList(method: string): method is JointListMethod {
  return Object.hasOwn(MEMBERS, method);
}
