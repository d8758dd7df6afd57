import { Injectable } from '@nestjs/common';
import { ClientMessage, MalformedMessageError } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { LEGACY_VERSIONS } from '../mcp/revisions';
import { resultAnswer } from '../mcp/rpc-answers';
import { EventWriter } from './event-writer';
import { ExchangeDesk } from './exchange-desk';
import { BadRequestError, SessionMissingError, SessionUnknownError } from './gateway.errors';
import { GatewaySession } from './gateway-session';
import { GatewaySessions } from './gateway-sessions';
import type { Endpoint, GatewayRequest } from './gateway.types';
import { beginEvents, writeEmpty, writeJson, writeRefusal } from './http-answers';
import { PostExchange, StreamExchange } from './session-exchanges';

/** Messages of one batch (2025-03-26); later revisions have none. */
const MAX_BATCH = 100;
const BATCHES_IN = '2025-03-26';

/** Streamable HTTP with sessions: 2025-03-26, 2025-06-18, 2025-11-25. */
@Injectable()
export class LegacyFront {
  constructor(
    private readonly sessions: GatewaySessions,
    private readonly desk: ExchangeDesk,
  ) {}

  post(to: GatewayRequest, endpoint: Endpoint, messages: ClientMessage[]): void {
    const [first] = messages;
    if (messages.length === 1 && first !== undefined) {
      if (first.kind === 'request' && first.method === 'initialize') void this.initialize(to, endpoint, first);
      else this.postOne(to, this.sessionOf(to, endpoint), first);
      return;
    }
    this.postBatch(to, this.sessionOf(to, endpoint), messages);
  }

  /** The stream for what belongs to no request, or one that broke, taken up again. */
  stream(to: GatewayRequest, endpoint: Endpoint): void {
    const session = this.sessionOf(to, endpoint);
    if (!/text\/event-stream|\*\/\*/.test(to.request.headers.accept ?? '')) {
      throw new BadRequestError('not_acceptable', 'Send "Accept: text/event-stream"');
    }
    const lastEventId = to.request.headers['last-event-id'];
    const found = typeof lastEventId === 'string' ? session.findStream(lastEventId) : null;
    if (typeof lastEventId === 'string' && found === null) {
      throw new BadRequestError('event_unknown', 'There is no stream of this Last-Event-ID any more');
    }
    beginEvents(to, to.response);
    const writer = new EventWriter(to.response);
    if (found === null) session.standalone.connect(writer);
    else found.stream.connect(writer, found.after);
  }

  /** The client ends its session. */
  end(to: GatewayRequest, endpoint: Endpoint): void {
    this.sessionOf(to, endpoint).end();
    writeEmpty(to, 204);
  }

  private async initialize(to: GatewayRequest, endpoint: Endpoint, message: ClientMessage): Promise<void> {
    try {
      const session = await this.begin(to, endpoint, 'http', message, (begun, result) => {
        const headers = ['Mcp-Session-Id', begun.sessionId];
        writeJson(to, 200, resultAnswer(message.idText, result), headers);
      });
      if (to.response.destroyed) session.end();
    } catch (error) {
      writeRefusal(to, error, message.idText);
    }
  }

  /** Begins a session; for both transports that have some. */
  async begin(
    to: GatewayRequest,
    endpoint: Endpoint,
    transport: 'http' | 'sse',
    message: ClientMessage,
    answer: (session: GatewaySession, result: string) => void,
    known?: GatewaySession,
  ): Promise<GatewaySession> {
    if (known === undefined) this.sessions.assertRoomFor(to.principal);
    const session = known ?? new GatewaySession(to.principal, endpoint, transport, message);
    try {
      const { result, protocolVersion } = await endpoint.initialize(session, message);
      session.protocolVersion = protocolVersion;
      // Its right may have been revoked meanwhile, and its server may have died.
      if (session.isEnded) throw new SessionUnknownError();
      this.sessions.add(session);
      answer(session, result);
      return session;
    } catch (error) {
      session.end();
      // Where it had ended before, something may have been begun for it since.
      endpoint.release(session);
      throw error;
    }
  }

  /** @throws SessionMissingError, SessionUnknownError */
  private sessionOf(to: GatewayRequest, endpoint: Endpoint): GatewaySession {
    const { headers } = to.request;
    const id = headers['mcp-session-id'];
    if (typeof id !== 'string') throw new SessionMissingError();
    const session = this.sessions.get(id);
    const { principal } = to;
    // A14: a session belongs to who opened it, and to one endpoint; to all others there is none.
    const isOwn =
      session?.endpoint === endpoint &&
      session.principal.id === principal.id &&
      session.principal.type === principal.type &&
      session.transport === 'http';
    if (session === undefined || !isOwn) throw new SessionUnknownError();
    const version = headers['mcp-protocol-version'];
    if (version !== undefined && !LEGACY_VERSIONS.includes(String(version))) {
      throw new BadRequestError(
        'protocol_version_unknown',
        `MCP-Protocol-Version must be one of ${LEGACY_VERSIONS.join(', ')}`,
      );
    }
    session.lastSeenAt = performance.now();
    session.principal = principal;
    return session;
  }

  private postOne(to: GatewayRequest, session: GatewaySession, message: ClientMessage): void {
    if (message.kind !== 'request') {
      this.take(session, message);
      writeEmpty(to, 202);
      return;
    }
    this.assertMay(session, to, message);
    const { endpoint } = session;
    this.desk.begin(endpoint, new PostExchange(session, message, this.desk.ownerFor(endpoint), to));
  }

  private postBatch(to: GatewayRequest, session: GatewaySession, messages: ClientMessage[]): void {
    if (session.protocolVersion !== BATCHES_IN || messages.length > MAX_BATCH) {
      throw new MalformedMessageError(RPC_CODES.invalidRequest, 'Send one message at a time');
    }
    const requests = messages.filter(({ kind }) => kind === 'request');
    for (const message of messages) if (message.kind !== 'request') this.take(session, message);
    if (requests.length === 0) {
      writeEmpty(to, 202);
      return;
    }
    for (const message of requests) this.assertMay(session, to, message);
    const stream = session.openStream();
    beginEvents(to, to.response);
    stream.connect(new EventWriter(to.response));
    let left = requests.length;
    const onDone = (): void => {
      left -= 1;
      if (left === 0) stream.end();
    };
    const { endpoint } = session;
    const owner = this.desk.ownerFor(endpoint);
    for (const message of requests) {
      this.desk.begin(endpoint, new StreamExchange(session, message, owner, stream, onDone));
    }
  }

  private assertMay(session: GatewaySession, { principal }: GatewayRequest, message: ClientMessage): void {
    this.desk.assertMay(session, { principal, message });
    if (session.exchange(message.id) !== undefined) {
      throw new MalformedMessageError(RPC_CODES.invalidRequest, 'A request with this id still waits for its answer');
    }
  }

  /** Answers and notifications: nothing is answered to them. */
  take(session: GatewaySession, message: ClientMessage): void {
    if (message.kind !== 'notification') {
      if (!session.takeAnswer(message)) session.endpoint.respond(session, message);
      return;
    }
    if (message.method !== 'notifications/cancelled') {
      session.endpoint.notify(session, message);
      return;
    }
    const { requestId, reason } = message.params ?? {};
    if (typeof requestId !== 'string' && typeof requestId !== 'number') return;
    session.exchange(requestId)?.cancel(typeof reason === 'string' ? reason : undefined);
  }
}
