import { isRecord } from '../mcp/call-params';
import { canBeAsked, HeldCall } from '../mcp/held-call';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { memberText } from '../mcp/json-text';
import type { McpPeer } from '../mcp/mcp-peer';
import { ModernToLegacyRelay } from '../mcp/modern-to-legacy-relay';
import { NEWEST_LEGACY_VERSION } from '../mcp/revisions';
import { RpcRefusal } from '../mcp/rpc-answers';
import { type StateBinding, StateSeal } from '../mcp/sealed-state';
import { newId } from '../common/ids';
import type { ToolFork } from '../supervisor/supervisor.service';
import type { ToolSession } from '../supervisor/tool-session';
import type { ToolFacts } from '../tools/tool-catalogue';
import type { ClientExchange, GatewayClient } from './gateway.types';
import { isLogWanted } from './log-levels';
import type { ServerBudget } from './server-budget';

/** Requests in whose answers a modern server may ask (2026-07-28, basic/patterns/mrtr). */
const ASKING_METHODS: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);
/** A server that nobody talks to any more is kept for so long. */
const IDLE_MS = 60_000;
const TO_LEGACY = new ModernToLegacyRelay();

/** A legacy server that belongs to one modern client, and what that client has going on with it. */
interface Conversation {
  readonly fork: ToolFork;
  readonly peer: McpPeer;
  /** The newest last: what the server asks belongs to it. */
  readonly calls: Set<HeldCall>;
  /** How many requests there are that nothing can be asked about. */
  plain: number;
  logLevel: string | null;
  idle: NodeJS.Timeout | null;
}

/**
 * Modern clients that can be asked something, at a tool whose server is of the older era: each gets a server of its own,
 * since such a server does not say whom it asks. It is kept while it is used; the calls in it are held open between the
 * client's rounds, under a state that only this client can bring back.
 */
export class Conversations {
  private readonly seal = new StateSeal();
  private readonly conversations = new Map<string, Promise<Conversation>>();
  /** Calls by the id that their state carries. */
  private readonly held = new Map<string, HeldCall>();
  private readonly plain = new Map<ClientExchange, Conversation>();

  constructor(
    private readonly facts: () => ToolFacts,
    private readonly budget: ServerBudget,
  ) {}

  /** True: the request is answered here. */
  answers(shared: ToolSession, exchange: ClientExchange): boolean {
    const { client, message } = exchange;
    if (client.era !== 'modern' || shared.identity?.era !== 'legacy') return false;
    const { sharing } = this.facts();
    const isOwn = sharing === 'per-session';
    const mayAsk = ASKING_METHODS.has(message.method) && canBeAsked(client.capabilities);
    const isRound = message.params?.requestState !== undefined;
    if (!isOwn && !isRound && (sharing === 'shared' || !mayAsk)) return false;
    if (isRound) this.resume(exchange);
    else void this.begin(exchange, mayAsk);
    return true;
  }

  private async begin(exchange: ClientExchange, mayAsk: boolean): Promise<void> {
    try {
      const conversation = await this.conversationOf(exchange.client);
      if (exchange.isOver) return;
      this.setLevel(conversation, exchange.client);
      if (mayAsk) this.hold(conversation, exchange);
      else this.pass(conversation, exchange);
    } catch (error) {
      exchange.fail(error);
    }
  }

  private hold(conversation: Conversation, exchange: ClientExchange): void {
    const id = newId();
    const binding = this.bindingOf(exchange);
    const call = new HeldCall({
      peer: conversation.peer,
      client: exchange.client,
      timeoutMs: this.facts().timeoutMs,
      seal: (round, expiresAt) => this.seal.seal({ call: id, round, expiresAt }, binding),
      onDone: () => {
        this.held.delete(id);
        conversation.calls.delete(call);
        this.rest(conversation);
      },
    });
    this.held.set(id, call);
    conversation.calls.add(call);
    call.begin(exchange);
  }

  private pass(conversation: Conversation, exchange: ClientExchange): void {
    conversation.plain += 1;
    this.plain.set(exchange, conversation);
    TO_LEGACY.request(conversation.peer, exchange, exchange.client, this.facts().timeoutMs);
  }

  /** To be told of the end of every request. */
  ended(exchange: ClientExchange): void {
    const conversation = this.plain.get(exchange);
    if (conversation === undefined) return;
    this.plain.delete(exchange);
    conversation.plain -= 1;
    this.rest(conversation);
  }

  private resume(exchange: ClientExchange): void {
    const { requestState } = exchange.message.params ?? {};
    const state = typeof requestState === 'string' ? this.seal.open(requestState, this.bindingOf(exchange)) : null;
    const call = state === null ? undefined : this.held.get(state.call);
    // Each round is answered once.
    if (state === null || call === undefined || call.isAnswering || state.round !== call.round) {
      exchange.fail(new RpcRefusal(RPC_CODES.invalidParams, 'requestState is not valid here, or not any more'));
      return;
    }
    const params = exchange.message.paramsText;
    call.resume(exchange, params === null ? undefined : memberText(params, 'inputResponses'));
  }

  private bindingOf({ client, message }: ClientExchange): StateBinding {
    const { principal } = client;
    const who = `${this.facts().id} ${principal.type} ${principal.id}`;
    return { principal: who, method: message.method, params: message.params ?? {} };
  }

  private conversationOf(client: GatewayClient): Promise<Conversation> {
    const { principal, name, capabilities } = client;
    const key = JSON.stringify([principal.type, principal.id, name, capabilities]);
    const known = this.conversations.get(key);
    if (known !== undefined) {
      return known.then((conversation) => {
        if (conversation.idle) clearTimeout(conversation.idle);
        conversation.idle = null;
        return conversation;
      });
    }
    const begun = this.start(client, () => this.conversations.delete(key));
    this.conversations.set(key, begun);
    begun.catch(() => this.conversations.delete(key));
    return begun;
  }

  private async start(client: GatewayClient, onEnd: () => void): Promise<Conversation> {
    const initialize = {
      protocolVersion: NEWEST_LEGACY_VERSION,
      capabilities: client.capabilities,
      clientInfo: { name: client.name ?? 'unknown', version: '' },
    };
    const fork = await this.budget.start({ probe: 'legacy', initialize });
    const { peer } = fork.session;
    if (peer === null) throw new Error('a server that is ready has a connection');
    const conversation: Conversation = { fork, peer, calls: new Set(), plain: 0, logLevel: null, idle: null };
    peer.onServerRequest((request, text) => {
      const call = lastOf(conversation.calls);
      call?.ask(request, text);
      return call !== null;
    });
    peer.onNotification((method, params, text) => this.onNotification(conversation, method, params, text));
    peer.onClose(() => {
      onEnd();
      void fork.end();
    });
    peer.notify('notifications/initialized', undefined, { client: client.name, sessionId: null });
    return conversation;
  }

  private onNotification(
    conversation: Conversation,
    method: string,
    params: Record<string, unknown> | undefined,
    text: string,
  ): void {
    if (method === 'notifications/cancelled') {
      for (const call of conversation.calls) if (call.takeBack(params?.requestId)) return;
      return;
    }
    const { logLevel } = conversation;
    if (method !== 'notifications/message' || logLevel === null || !isLogWanted(params?.level, logLevel)) return;
    lastOf(conversation.calls)?.send(text);
  }

  private setLevel(conversation: Conversation, { logLevel, name }: GatewayClient): void {
    if (logLevel === null || logLevel === conversation.logLevel) return;
    conversation.logLevel = logLevel;
    const { peer, fork } = conversation;
    if (!isRecord(fork.session.identity?.capabilities.logging)) return;
    const { timeoutMs } = this.facts();
    peer
      .request({ method: 'logging/setLevel', params: { level: logLevel }, timeoutMs, client: name, sessionId: null })
      .catch(ignore);
  }

  private rest(conversation: Conversation): void {
    if (conversation.calls.size > 0 || conversation.plain > 0) return;
    if (conversation.idle) clearTimeout(conversation.idle);
    conversation.idle = setTimeout(() => void conversation.fork.end(), IDLE_MS).unref();
  }
}

function lastOf<T>(set: ReadonlySet<T>): T | null {
  let last: T | null = null;
  for (const each of set) last = each;
  return last;
}

function ignore(): void {
  // What failed has told those whom it concerns.
}
