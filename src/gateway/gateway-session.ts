import { randomUUID } from 'node:crypto';
import type { Principal } from '../auth/principal';
import { WaitingList } from '../common/waiting-list';
import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES, type RpcId } from '../mcp/json-rpc.types';
import { memberText } from '../mcp/json-text';
import type { Exchange } from '../mcp/relay.types';
import { RpcRefusal } from '../mcp/rpc-answers';
import { rpcErrorOf } from '../mcp/rpc-reading';
import { ClientIdentity } from './client-identity';
import type { Endpoint, SessionClient } from './gateway.types';
import type { GatewayExchange } from './gateway-exchange';
import { SessionStream } from './session-stream';

/** Streams of answered requests that a client may still take up again. */
const MAX_ENDED_STREAMS = 32;
const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024;

/** So long may a client take to answer: people are asked. */
const PATIENCE_MS = 600_000;

/** What a server wants to know of the client. */
interface Question {
  resolve: (result: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** Who keeps sessions, and is to be told that one has ended. */
export interface SessionKeeper {
  ended(session: GatewaySession): void;
}

/**
 * What one client has going on at the gateway: revisions with sessions, over either transport. Many are never closed and
 * live on for half an hour, so one that does nothing is to be small: what only some need is made when they need it.
 */
export class GatewaySession implements SessionClient {
  readonly sessionId: string = randomUUID();
  readonly era = 'legacy';
  protocolVersion = '';
  logLevel: string | null = null;
  /** Epoch milliseconds. */
  readonly startedAt = Date.now();
  /** Monotonic milliseconds. */
  lastSeenAt = performance.now();
  isEnded = false;
  requests = 0;
  /** In the order they began; given by who keeps them. */
  number = 0;
  keeper: SessionKeeper | null = null;
  private readonly identity: ClientIdentity;
  /** Requests that wait. */
  private waiting: WaitingList<GatewayExchange> | null = null;
  /** By their numbers; 0 is the one of what belongs to no request. */
  private streams: Map<number, SessionStream> | null = null;
  private lastStream = 0;
  private questions: Map<string, Question> | null = null;
  private lastQuestion = 0;

  constructor(
    /** As the last request has shown it. */
    public principal: Principal,
    readonly endpoint: Endpoint,
    /** `sse`: the transport of 2024-11-05, with one stream for everything. */
    readonly transport: 'http' | 'sse',
    initialize: ClientMessage,
  ) {
    this.identity = ClientIdentity.of(initialize);
  }

  get name(): string {
    return this.identity.name ?? this.principal.name;
  }

  get clientVersion(): string | null {
    return this.identity.version;
  }

  get capabilities(): Readonly<Record<string, unknown>> {
    return this.identity.capabilities;
  }

  /** What the session stands for, as a server of the modern era wants to be told with each request. */
  get envelope(): string {
    return this.identity.envelope(this.logLevel);
  }

  /** How many requests wait. */
  get inFlight(): number {
    return this.waiting?.size ?? 0;
  }

  exchange(id: RpcId): GatewayExchange | undefined {
    let found: GatewayExchange | undefined;
    for (const exchange of this.waiting ?? []) if (exchange.message.id === id) found = exchange;
    return found;
  }

  begin(exchange: GatewayExchange): void {
    this.requests += 1;
    (this.waiting ??= new WaitingList<GatewayExchange>()).add(exchange);
  }

  finish(exchange: GatewayExchange): void {
    this.lastSeenAt = performance.now();
    this.waiting?.delete(exchange);
  }

  get lastExchange(): Exchange | null {
    let last: Exchange | null = null;
    for (const exchange of this.waiting ?? []) last = exchange;
    return last;
  }

  get isBusy(): boolean {
    if (this.inFlight > 0) return true;
    for (const stream of this.streams?.values() ?? []) if (stream.isConnected) return true;
    return false;
  }

  setLogLevel(level: string): void {
    this.logLevel = level;
  }

  /** What belongs to no request. */
  get standalone(): SessionStream {
    return this.streams?.get(0) ?? this.addStream(0);
  }

  push(text: string): void {
    if (!this.isEnded) this.standalone.send(text);
  }

  /** A stream of its own for one request. */
  openStream(): SessionStream {
    this.lastStream += 1;
    const stream = this.addStream(this.lastStream);
    this.forgetStreams();
    return stream;
  }

  /** The stream of an event id, and the number of the event; null: there is no such stream (any more). */
  findStream(eventId: string): { stream: SessionStream; after: number } | null {
    const match = /^(\d{1,9})-(\d{1,9})$/.exec(eventId);
    if (match === null) return null;
    const number = Number(match[1]);
    const stream = number === 0 ? this.standalone : this.streams?.get(number);
    return stream === undefined ? null : { stream, after: Number(match[2]) };
  }

  /** Asks the client on behalf of a server of the modern era. */
  ask(exchange: Exchange, method: string, params: string | undefined): Promise<string> {
    this.lastQuestion += 1;
    const id = `mcps-${this.lastQuestion}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.giveUpQuestion(id, 'The client did not answer in time'), PATIENCE_MS).unref();
      (this.questions ??= new Map<string, Question>()).set(id, { resolve, reject, timer });
      const member = params === undefined ? '' : `,"params":${params}`;
      exchange.send(`{"jsonrpc":"2.0","id":"${id}","method":${JSON.stringify(method)}${member}}`);
    });
  }

  /** The client's answer to a question of ours; false: it is an answer to somebody else's. */
  takeAnswer(message: ClientMessage): boolean {
    const question = typeof message.id === 'string' ? this.questions?.get(message.id) : undefined;
    if (question === undefined || typeof message.id !== 'string') return false;
    this.questions?.delete(message.id);
    clearTimeout(question.timer);
    const { error } = message.message;
    if (error === undefined) question.resolve(memberText(message.text, 'result') ?? '{}');
    else {
      const { code, message: text, data } = rpcErrorOf(error);
      question.reject(new RpcRefusal(code, text, data));
    }
    return true;
  }

  /** Idempotent. Requests that wait are given up, streams are ended. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    for (const exchange of this.waiting ?? []) exchange.cancel('The session has ended');
    for (const id of [...(this.questions?.keys() ?? [])]) this.giveUpQuestion(id, 'The session has ended');
    for (const stream of this.streams?.values() ?? []) stream.end();
    this.endpoint.release(this);
    this.keeper?.ended(this);
  }

  beat(): void {
    for (const stream of this.streams?.values() ?? []) stream.beat();
  }

  /** Lets go of what was made for requests, where none waits. */
  rest(): void {
    if (this.waiting?.size === 0) this.waiting = null;
    if (this.questions?.size === 0) this.questions = null;
  }

  private addStream(number: number): SessionStream {
    const stream = new SessionStream(number);
    (this.streams ??= new Map<number, SessionStream>()).set(number, stream);
    if (this.isEnded) stream.end();
    return stream;
  }

  private giveUpQuestion(id: string, reason: string): void {
    const question = this.questions?.get(id);
    this.questions?.delete(id);
    clearTimeout(question?.timer);
    question?.reject(new RpcRefusal(RPC_CODES.internalError, reason));
  }

  private forgetStreams(): void {
    const streams = this.streams ?? new Map<number, SessionStream>();
    let kept = 0;
    for (const stream of streams.values()) kept += stream.keptCharacters;
    for (const [number, stream] of streams) {
      if (streams.size <= MAX_ENDED_STREAMS && kept <= MAX_KEPT_CHARACTERS) return;
      if (!stream.isEnded) continue;
      kept -= stream.keptCharacters;
      streams.delete(number);
    }
  }
}
