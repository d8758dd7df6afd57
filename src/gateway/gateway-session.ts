import { randomUUID } from 'node:crypto';
import type { Principal } from '../auth/principal';
import {
  isRecord,
  META_CLIENT_CAPABILITIES,
  META_CLIENT_INFO,
  META_LOG_LEVEL,
  META_PROTOCOL_VERSION,
} from '../mcp/call-params';
import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES, type RpcId } from '../mcp/json-rpc.types';
import { memberText } from '../mcp/json-text';
import { NEWEST_MODERN_VERSION } from '../mcp/revisions';
import type { Exchange } from '../mcp/relay.types';
import { RpcRefusal } from '../mcp/rpc-answers';
import { rpcErrorOf } from '../mcp/rpc-reading';
import type { Endpoint, SessionClient } from './gateway.types';
import type { GatewayExchange } from './gateway-exchange';
import { SessionStream } from './session-stream';

/** Streams of answered requests that a client may still take up again. */
const MAX_ENDED_STREAMS = 32;
const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024;
const MAX_CLIENT_NAME = 100;

/** So long may a client take to answer: people are asked. */
const PATIENCE_MS = 600_000;

/** What a server wants to know of the client. */
interface Question {
  resolve: (result: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** What one client has going on at the gateway: revisions with sessions, over either transport. */
export class GatewaySession implements SessionClient {
  readonly sessionId: string = randomUUID();
  readonly era = 'legacy';
  readonly name: string;
  readonly clientVersion: string | null;
  readonly capabilities: Readonly<Record<string, unknown>>;
  protocolVersion = '';
  logLevel: string | null = null;
  /** Epoch milliseconds. */
  readonly startedAt = Date.now();
  /** Monotonic milliseconds. */
  lastSeenAt = performance.now();
  /** Requests that wait, by the ids that the client gave them. */
  readonly exchanges = new Map<RpcId, GatewayExchange>();
  /** What belongs to no request. */
  readonly standalone = new SessionStream(0);
  isEnded = false;
  requests = 0;
  /** In the order they began; given by who keeps them. */
  number = 0;
  private readonly streams = new Map<number, SessionStream>([[0, this.standalone]]);
  private lastStream = 0;
  private readonly clientInfo: unknown;
  private envelopeText: string | null = null;
  private readonly questions = new Map<string, Question>();
  private lastQuestion = 0;
  private readonly endListeners: (() => void)[] = [];

  constructor(
    readonly principal: Principal,
    readonly endpoint: Endpoint,
    /** `sse`: the transport of 2024-11-05, with one stream for everything. */
    readonly transport: 'http' | 'sse',
    initialize: ClientMessage,
  ) {
    const { clientInfo, capabilities } = initialize.params ?? {};
    this.clientInfo = clientInfo;
    const info = isRecord(clientInfo) ? clientInfo : {};
    this.name = typeof info.name === 'string' ? info.name.slice(0, MAX_CLIENT_NAME) : principal.name;
    this.clientVersion = typeof info.version === 'string' ? info.version.slice(0, MAX_CLIENT_NAME) : null;
    this.capabilities = isRecord(capabilities) ? capabilities : {};
  }

  /** What the session stands for, as a server of the modern era wants to be told with each request. */
  get envelope(): string {
    if (this.envelopeText !== null) return this.envelopeText;
    const members: Record<string, unknown> = {
      [META_PROTOCOL_VERSION]: NEWEST_MODERN_VERSION,
      [META_CLIENT_CAPABILITIES]: modernCapabilities(this.capabilities),
    };
    if (isRecord(this.clientInfo)) members[META_CLIENT_INFO] = this.clientInfo;
    if (this.logLevel !== null) members[META_LOG_LEVEL] = this.logLevel;
    this.envelopeText = JSON.stringify(members).slice(1, -1);
    return this.envelopeText;
  }

  get lastExchange(): Exchange | null {
    let last: Exchange | null = null;
    for (const exchange of this.exchanges.values()) last = exchange;
    return last;
  }

  get isBusy(): boolean {
    return this.exchanges.size > 0 || [...this.streams.values()].some((stream) => stream.isConnected);
  }

  setLogLevel(level: string): void {
    this.logLevel = level;
    this.envelopeText = null;
  }

  push(text: string): void {
    if (!this.isEnded) this.standalone.send(text);
  }

  /** A stream of its own for one request. */
  openStream(): SessionStream {
    this.lastStream += 1;
    const stream = new SessionStream(this.lastStream);
    this.streams.set(stream.number, stream);
    this.forgetStreams();
    return stream;
  }

  /** The stream of an event id, and the number of the event; null: there is no such stream (any more). */
  findStream(eventId: string): { stream: SessionStream; after: number } | null {
    const match = /^(\d{1,9})-(\d{1,9})$/.exec(eventId);
    const stream = match === null ? undefined : this.streams.get(Number(match[1]));
    return stream === undefined ? null : { stream, after: Number(match?.[2]) };
  }

  /** Asks the client on behalf of a server of the modern era. */
  ask(exchange: Exchange, method: string, params: string | undefined): Promise<string> {
    this.lastQuestion += 1;
    const id = `mcps-${this.lastQuestion}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUpQuestion(id, 'The client did not answer in time'), PATIENCE_MS).unref();
      this.questions.set(id, { resolve, reject, timer });
      const member = params === undefined ? '' : `,"params":${params}`;
      exchange.send(`{"jsonrpc":"2.0","id":"${id}","method":${JSON.stringify(method)}${member}}`);
    });
  }

  /** The client's answer to a question of ours; false: it is an answer to somebody else's. */
  takeAnswer(message: ClientMessage): boolean {
    const question = typeof message.id === 'string' ? this.questions.get(message.id) : undefined;
    if (question === undefined || typeof message.id !== 'string') return false;
    this.questions.delete(message.id);
    clearTimeout(question.timer);
    const { error } = message.message;
    if (error === undefined) question.resolve(memberText(message.text, 'result') ?? '{}');
    else {
      const { code, message: text, data } = rpcErrorOf(error);
      question.reject(new RpcRefusal(code, text, data));
    }
    return true;
  }

  onEnd(listener: () => void): void {
    this.endListeners.push(listener);
  }

  /** Idempotent. Requests that wait are given up, streams are ended. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const exchange of [...this.exchanges.values()]) exchange.cancel('The session has ended');
    for (const id of [...this.questions.keys()]) this.giveUpQuestion(id, 'The session has ended');
    for (const stream of this.streams.values()) stream.end();
    for (const listener of this.endListeners) listener();
  }

  beat(): void {
    for (const stream of this.streams.values()) stream.beat();
  }

  private giveUpQuestion(id: string, reason: string): void {
    const question = this.questions.get(id);
    this.questions.delete(id);
    clearTimeout(question?.timer);
    question?.reject(new RpcRefusal(RPC_CODES.internalError, reason));
  }

  private forgetStreams(): void {
    let kept = 0;
    for (const stream of this.streams.values()) kept += stream.keptCharacters;
    for (const [number, stream] of this.streams) {
      if (this.streams.size <= MAX_ENDED_STREAMS && kept <= MAX_KEPT_CHARACTERS) return;
      if (!stream.isEnded) continue;
      kept -= stream.keptCharacters;
      this.streams.delete(number);
    }
  }
}

/** Legacy capabilities that mean the same in the modern era. */
function modernCapabilities(capabilities: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { tasks: _tasks, ...rest } = capabilities;
  return rest;
}
