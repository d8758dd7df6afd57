import type { AnswerText } from './answer-text';
import { isRecord } from './call-params';
import type { RpcId, RpcMessage } from './json-rpc.types';
import { memberText, withValueAt } from './json-text';
import type { McpPeer } from './mcp-peer';
import { modernAnswer, withoutEnvelope } from './modern-to-legacy-relay';
import type { PeerCallError } from './peer.errors';
import type { CallHandle, RelaySink } from './peer.types';
import { ANSWERED_OK, type Exchange, type RelayClient } from './relay.types';

/** Questions that a server asks at the same time are put to the client together. */
const COLLECT_MS = 30;
/** So long a client may take to answer: people are asked. */
const PATIENCE_MS = 600_000;

interface Question {
  key: string;
  request: RpcMessage;
  /** The text of the question as the client gets it. */
  text: string;
  startedAt: number;
}

export interface HeldCallOptions {
  peer: McpPeer;
  client: RelayClient;
  timeoutMs: number;
  /** Seals the round that a client is about to be asked in. */
  seal: (round: number, expiresAt: number) => string;
  /** Told when nothing is held any more. */
  onDone: () => void;
}

/**
 * One request of a modern client to a server that asks its client in the middle of it, which modern servers don't (PROTOCOL
 * 1.11 A). The server's call is held open while the client is told `input_required`, and goes on with what it answers.
 */
export class HeldCall implements RelaySink {
  round = 0;
  private exchange: Exchange | null = null;
  private handle: CallHandle | null = null;
  private readonly questions = new Map<RpcId, Question>();
  private collecting: NodeJS.Timeout | null = null;
  private patience: NodeJS.Timeout | null = null;
  /** The end of the call, while nobody is there to be told. */
  private ending: ((exchange: Exchange) => void) | null = null;
  private asked = 0;
  private isDone = false;

  constructor(private readonly options: HeldCallOptions) {}

  get isAnswering(): boolean {
    return this.exchange !== null;
  }

  begin(exchange: Exchange): void {
    const { peer, client, timeoutMs } = this.options;
    this.attach(exchange);
    const { name, sessionId } = client;
    const edit = { replace: withoutEnvelope };
    this.handle = peer.relay({ source: exchange.message, edit, timeoutMs, client: name, sessionId }, this);
  }

  /** The server asks its client; it is this call's client that is told. */
  ask(request: RpcMessage, text: string): void {
    if (request.id === undefined || request.id === null) return;
    this.asked += 1;
    const params = memberText(text, 'params');
    const question = `{"method":${JSON.stringify(request.method)}${params === undefined ? '' : `,"params":${params}`}}`;
    const key = `${(request.method ?? '').replace(/\W/g, '_')}_${this.asked}`;
    this.questions.set(request.id, { key, request, text: question, startedAt: performance.now() });
    // While people think, the server's call is not late.
    this.handle?.extend(PATIENCE_MS);
    this.collecting ??= setTimeout(() => this.putQuestions(), COLLECT_MS);
  }

  /** The client comes back with what it answers; `responses` is the text of `inputResponses`. */
  resume(exchange: Exchange, responses: string | undefined): void {
    this.attach(exchange);
    if (this.ending !== null) {
      this.ending(exchange);
      return;
    }
    for (const [id, { key, request, startedAt }] of this.questions) {
      const answer = responses === undefined ? undefined : memberText(responses, key);
      if (answer === undefined) continue;
      this.questions.delete(id);
      this.answerServer(request, answer, startedAt);
    }
    if (this.questions.size > 0) this.collecting ??= setTimeout(() => this.putQuestions(), COLLECT_MS);
    else this.handle?.extend(this.options.timeoutMs);
  }

  /** The server takes a question back. */
  takeBack(id: unknown): boolean {
    return (typeof id === 'string' || typeof id === 'number') && this.questions.delete(id);
  }

  giveUp(reason: string): void {
    this.handle?.cancel(reason);
    this.done();
  }

  send(text: string): void {
    this.exchange?.send(text);
  }

  onAnswer(answer: AnswerText): void {
    this.finish((exchange) => modernAnswer(exchange, answer, this.options.peer));
  }

  onError(error: PeerCallError): void {
    this.finish((exchange) => exchange.fail(error));
  }

  onNotification(text: string): void {
    const { exchange } = this;
    const token = exchange?.message.tokenText ?? null;
    // The token of this round, not of the first.
    if (exchange && token !== null) exchange.send(withValueAt(text, ['params', 'progressToken'], token));
  }

  private attach(exchange: Exchange): void {
    this.exchange = exchange;
    if (this.patience) clearTimeout(this.patience);
    this.patience = null;
    // To hang up is to cancel (2026-07-28, basic/cancellation).
    exchange.onCancel = (reason) => {
      this.giveUp(reason ?? 'The client hung up');
    };
  }

  private answerServer(request: RpcMessage, result: string, startedAt: number): void {
    const { peer, client } = this.options;
    const text = `{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"result":${result}}`;
    try {
      peer.respond(request, text, { client: client.name, sessionId: client.sessionId, startedAt, isError: false });
    } catch {
      // A connection that is gone ends the call by itself.
    }
  }

  /** Never throws: a timer calls it. */
  private putQuestions(): void {
    this.collecting = null;
    const { exchange } = this;
    if (exchange === null || this.questions.size === 0 || this.isDone) return;
    try {
      this.putTo(exchange);
    } catch (error) {
      exchange.fail(error);
      this.giveUp('Its client could not be asked');
    }
  }

  private putTo(exchange: Exchange): void {
    this.round += 1;
    const asked = [...this.questions.values()].map(({ key, text }) => `${JSON.stringify(key)}:${text}`);
    const state = this.options.seal(this.round, Date.now() + PATIENCE_MS);
    const result = `{"resultType":"input_required","inputRequests":{${asked.join(',')}},"requestState":${JSON.stringify(state)}}`;
    this.exchange = null;
    this.patience = setTimeout(() => this.giveUp('The client did not come back with an answer'), PATIENCE_MS);
    this.patience.unref();
    exchange.answer(`{"jsonrpc":"2.0","id":${exchange.message.idText},"result":${result}}`, ANSWERED_OK);
  }

  private finish(ending: (exchange: Exchange) => void): void {
    const { exchange } = this;
    if (exchange === null) {
      this.ending = (late) => {
        ending(late);
        this.done();
      };
      return;
    }
    this.exchange = null;
    ending(exchange);
    this.done();
  }

  private done(): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.collecting) clearTimeout(this.collecting);
    if (this.patience) clearTimeout(this.patience);
    this.options.onDone();
  }
}

/** Kinds of questions that a client has to have declared for a server to ask them. */
export const QUESTION_KINDS = ['sampling', 'elicitation', 'roots'] as const;

/** Whether a client can be asked anything. */
export function canBeAsked(capabilities: Readonly<Record<string, unknown>>): boolean {
  return QUESTION_KINDS.some((kind) => isRecord(capabilities[kind]));
}
