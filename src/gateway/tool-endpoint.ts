import type { Principal } from '../auth/principal';
import type { ClientMessage } from '../mcp/client-message';
import { DirectRelay } from '../mcp/direct-relay';
import { LegacyToModernRelay } from '../mcp/legacy-to-modern-relay';
import { ModernToLegacyRelay } from '../mcp/modern-to-legacy-relay';
import { CallTimeoutError } from '../mcp/peer.errors';
import type { Relay } from '../mcp/relay.types';
import type { TrafficSink } from '../mcp/traffic';
import type { ToolSession } from '../supervisor/tool-session';
import type { ToolCatalogue, ToolFacts } from '../tools/tool-catalogue';
import { ToolNotRunningError } from '../tools/tools.errors';
import { Conversations } from './conversations';
import { TooManyRequestsInFlightError } from './gateway.errors';
import type { GatewayLimits } from './gateway-limits';
import type { ClientExchange, Endpoint, GatewayClient, InitializeAnswer, SessionClient } from './gateway.types';
import { LocalAnswers } from './local-answers';
import { OwnServers } from './own-servers';
import { ServerBudget } from './server-budget';
import { SharedServer } from './shared-server';

export interface ToolSurroundings {
  catalogue: ToolCatalogue;
  limits: GatewayLimits;
  sink: TrafficSink;
}

const DIRECT = new DirectRelay();
const TO_MODERN = new LegacyToModernRelay();
const TO_LEGACY = new ModernToLegacyRelay();

/** The way between clients of one era and servers of the same or the other. */
function relayBetween(client: GatewayClient, session: ToolSession): Relay {
  const era = session.identity?.era ?? 'legacy';
  if (client.era === era) return DIRECT;
  return era === 'modern' ? TO_MODERN : TO_LEGACY;
}

/** One tool as clients see it: all of them share one server unless somebody needs one alone. */
export class ToolEndpoint implements Endpoint {
  readonly shared = new SharedServer();
  private readonly own: OwnServers;
  private readonly conversations: Conversations;
  private readonly local: LocalAnswers;

  constructor(
    /** As they stand now; kept up to date by who made it. */
    public facts: ToolFacts,
    private readonly surroundings: ToolSurroundings,
  ) {
    const facts_ = (): ToolFacts => this.facts;
    const budget = new ServerBudget(facts_, surroundings.catalogue, surroundings.limits);
    this.own = new OwnServers(facts_, budget);
    this.conversations = new Conversations(facts_, budget);
    this.local = new LocalAnswers(facts_, surroundings.sink);
  }

  get id(): string {
    return this.facts.id;
  }

  get name(): string {
    return this.facts.name;
  }

  admits({ toolIds }: Principal): boolean {
    return toolIds === null || toolIds.has(this.facts.id);
  }

  async initialize(client: SessionClient, message: ClientMessage): Promise<InitializeAnswer> {
    const session = await this.wake();
    if (this.own.isNeeded(client, session)) return this.own.initialize(client, message);
    this.shared.join(client, session);
    return this.local.initialize(client, message, session);
  }

  request(exchange: ClientExchange): void {
    const { client } = exchange;
    const own = this.own.of(client);
    if (own !== null) {
      if (!this.local.answers(own.session, exchange))
        relayBetween(client, own.session).request(own.peer, exchange, client, this.timeoutOf(exchange));
      return;
    }
    if (this.shared.active.size >= this.surroundings.limits.requestsPerTool) {
      exchange.fail(new TooManyRequestsInFlightError('tool', this.surroundings.limits.requestsPerTool));
      return;
    }
    this.shared.active.add(exchange);
    const session = this.surroundings.catalogue.session(this.facts.id);
    if (session !== null) this.pass(session, exchange);
    else this.passWhenAwake(exchange);
  }

  ended(exchange: ClientExchange): void {
    this.shared.active.delete(exchange);
    this.conversations.ended(exchange);
  }

  notify(client: GatewayClient, message: ClientMessage): void {
    const own = this.own.of(client);
    if (own !== null) {
      own.peer.relayNotification(message, { client: client.name, sessionId: client.sessionId });
      return;
    }
    this.shared.notify(client, message, this.surroundings.catalogue.session(this.facts.id));
  }

  respond(client: SessionClient, message: ClientMessage): void {
    this.own.respond(client, message);
  }

  release(client: SessionClient): void {
    this.own.release(client);
    this.shared.leave(client, this.surroundings.catalogue.session(this.facts.id));
  }

  private pass(session: ToolSession, exchange: ClientExchange): void {
    const { peer } = session;
    if (peer === null) {
      exchange.fail(new ToolNotRunningError(this.facts.name, 'stopping'));
      return;
    }
    this.shared.attach(session);
    if (this.shared.answers(session, exchange) || this.local.answers(session, exchange)) return;
    if (this.conversations.answers(session, exchange)) return;
    const { client } = exchange;
    relayBetween(client, session).request(peer, exchange, client, this.timeoutOf(exchange));
  }

  private passWhenAwake(exchange: ClientExchange): void {
    this.wake()
      .then((session) => {
        if (!exchange.isOver) this.pass(session, exchange);
      })
      // Also what fails on the way on: nobody else would answer, and nobody hear of it.
      .catch((error: unknown) => exchange.fail(error));
  }

  private timeoutOf({ message }: ClientExchange): number {
    return message.method === 'subscriptions/listen' ? Infinity : this.facts.timeoutMs;
  }

  /** The shared server, as soon as it is there, within the time that a request may take. */
  private wake(): Promise<ToolSession> {
    const { id, name, timeoutMs } = this.facts;
    const running = this.surroundings.catalogue.session(id);
    if (running !== null) return Promise.resolve(running);
    return new Promise((resolve, reject) => {
      const late = new CallTimeoutError(name, 'the start', timeoutMs);
      const timer = setTimeout(() => reject(late), timeoutMs);
      this.surroundings.catalogue
        .wake(id)
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
