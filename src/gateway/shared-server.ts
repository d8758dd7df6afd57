import { WaitingList } from '../common/waiting-list';
import type { ClientMessage } from '../mcp/client-message';
import { isRecord } from '../mcp/call-params';
import { OWN_CLIENT } from '../mcp/peer.types';
import { ANSWERED_OK } from '../mcp/relay.types';
import { resultAnswer } from '../mcp/rpc-answers';
import type { ToolSession } from '../supervisor/tool-session';
import type { ClientExchange, GatewayClient, SessionClient } from './gateway.types';
import { isLogWanted } from './log-levels';
import { ModernFeed } from './modern-feed';
import { ModernListeners } from './modern-listeners';

/** What a shared server's notification is about, where a client has to have asked for it. */
const EMPTY_RESULT = '{}';

/**
 * The one server of a tool that all clients share: who takes part in it, and to whom what it says on its own is handed. What
 * can't be told to belong to one client is told to none, so that nobody learns of the others (ADR 25).
 */
export class SharedServer {
  /** Requests that wait, of all clients. */
  readonly active = new WaitingList<ClientExchange>();
  /** Sessions, each with the resources that it has subscribed to; null: none, as most. */
  private readonly members = new Map<SessionClient, Set<string> | null>();
  private readonly listeners = new ModernListeners();
  private readonly feed = new ModernFeed((method, params, text) => this.onNotification(method, params, text));
  private attachedTo: ToolSession | null = null;

  join(client: SessionClient, session: ToolSession): void {
    this.members.set(client, null);
    this.attach(session);
    this.feed.follow(session, this.wishes());
  }

  leave(client: SessionClient, session: ToolSession | null): void {
    const subscriptions = this.members.get(client);
    if (subscriptions === undefined) return;
    this.members.delete(client);
    if (session?.identity?.era === 'modern') this.feed.follow(session, this.wishes());
    else for (const uri of subscriptions ?? []) if (!this.isSubscribed(uri)) this.unsubscribe(session, uri);
  }

  /** Hears what the server says from now on; a new life of it is told what the one before knew. */
  attach(session: ToolSession): void {
    if (this.attachedTo === session || session.peer === null) return;
    this.attachedTo = session;
    const { peer } = session;
    peer.onNotification((method, params, text) => this.onNotification(method, params, text));
    if (session.identity?.era === 'modern') {
      this.feed.follow(session, this.wishes());
      return;
    }
    for (const uri of this.wishes().uris) this.subscribe(session, uri);
  }

  /** What must be answered with a look at all clients, and not by the server alone; true: it was. */
  answers(session: ToolSession, exchange: ClientExchange): boolean {
    const { message, client } = exchange;
    switch (message.method) {
      case 'resources/subscribe':
      case 'resources/unsubscribe':
        return client.era === 'legacy' && this.answersSubscription(session, exchange);
      case 'logging/setLevel':
        return client.era === 'legacy' && this.answersLevel(session, exchange);
      case 'subscriptions/listen':
        if (session.identity?.era === 'modern') return false;
        this.listeners.add(exchange, session.identity?.capabilities ?? {}, (uri) => this.subscribe(session, uri));
        return true;
      default:
        return false;
    }
  }

  /** What a client tells a server that others use as well: nothing of its own state, the rest as it is. */
  notify(client: GatewayClient, message: ClientMessage, session: ToolSession | null): void {
    if (message.method.startsWith('notifications/') && OF_ONE_CLIENT.has(message.method)) return;
    const peer = session?.identity?.era === client.era ? session.peer : null;
    peer?.relayNotification(message, { client: client.name, sessionId: client.sessionId });
  }

  private answersSubscription(session: ToolSession, exchange: ClientExchange): boolean {
    const uri = exchange.message.params?.uri;
    const member = this.memberOf(exchange.client);
    if (typeof uri !== 'string' || member === undefined) return false;
    const isSubscribe = exchange.message.method === 'resources/subscribe';
    const uris = this.members.get(member) ?? new Set();
    if (isSubscribe) uris.add(uri);
    else uris.delete(uri);
    this.members.set(member, uris.size === 0 ? null : uris);
    if (session.identity?.era === 'modern') {
      this.feed.follow(session, this.wishes());
      this.answerEmpty(exchange);
      return true;
    }
    // Others still want to hear of it.
    if (isSubscribe || !this.isSubscribed(uri)) return false;
    this.answerEmpty(exchange);
    return true;
  }

  /** The most talkative level of all holds at the server; each client gets what it asked for. */
  private answersLevel(session: ToolSession, exchange: ClientExchange): boolean {
    const level = exchange.message.params?.level;
    const isModern = session.identity?.era === 'modern';
    const others = [...this.members.keys()].filter((client) => client !== exchange.client);
    const isCovered = others.some(({ logLevel }) => logLevel !== null && isLogWanted(level, logLevel));
    if (!isModern && !isCovered) return false;
    this.answerEmpty(exchange);
    return true;
  }

  private answerEmpty(exchange: ClientExchange): void {
    exchange.answer(resultAnswer(exchange.message.idText, EMPTY_RESULT), ANSWERED_OK);
  }

  private onNotification(method: string, params: Record<string, unknown> | undefined, text: string): void {
    if (method === 'notifications/message') {
      this.onLog(params, text);
      return;
    }
    this.listeners.tell(method, params);
    const uri = method === 'notifications/resources/updated' ? params?.uri : undefined;
    for (const [client, subscriptions] of this.members) {
      if (uri === undefined || (typeof uri === 'string' && subscriptions?.has(uri) === true)) client.push(text);
    }
  }

  /** Nothing in a log message says which request it belongs to: it is told only where but one client can be meant. */
  private onLog(params: Record<string, unknown> | undefined, text: string): void {
    let last: ClientExchange | null = null;
    for (const exchange of this.active) {
      if (exchange.client.era === 'modern' && exchange.client.logLevel === null) continue;
      if (last !== null && last.client !== exchange.client) return;
      last = exchange;
    }
    const level = isRecord(params) ? params.level : undefined;
    if (last !== null) {
      if (isLogWanted(level, last.client.logLevel)) last.send(text);
      return;
    }
    const [only] = this.members.keys();
    if (this.members.size === 1 && this.active.size === 0 && only && isLogWanted(level, only.logLevel)) only.push(text);
  }

  private memberOf(client: GatewayClient): SessionClient | undefined {
    for (const member of this.members.keys()) if (member === client) return member;
    return undefined;
  }

  private isSubscribed(uri: string): boolean {
    return [...this.members.values()].some((uris) => uris?.has(uri) === true) || this.listeners.wants(uri);
  }

  private wishes(): { uris: Set<string>; any: boolean } {
    const uris = new Set<string>();
    for (const subscriptions of this.members.values()) for (const uri of subscriptions ?? []) uris.add(uri);
    return { uris, any: this.members.size > 0 };
  }

  private subscribe(session: ToolSession, uri: string): void {
    this.ask(session, 'resources/subscribe', uri);
  }

  private unsubscribe(session: ToolSession | null, uri: string): void {
    if (session !== null) this.ask(session, 'resources/unsubscribe', uri);
  }

  private ask({ peer, timeoutMs }: ToolSession, method: string, uri: string): void {
    peer?.request({ method, params: { uri }, timeoutMs, client: OWN_CLIENT, sessionId: null }).catch(() => undefined);
  }
}

/** What tells a server of the state of the one client it thinks it has. */
const OF_ONE_CLIENT: ReadonlySet<string> = new Set(['notifications/initialized', 'notifications/roots/list_changed']);
