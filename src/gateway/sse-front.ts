import { Injectable } from '@nestjs/common';
import { ClientMessage, MalformedMessageError } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import { errorAnswer, resultAnswer, rpcErrorFor } from '../mcp/rpc-answers';
import { EventWriter } from './event-writer';
import { ExchangeDesk } from './exchange-desk';
import { SessionUnknownError } from './gateway.errors';
import { GatewaySession } from './gateway-session';
import { GatewaySessions } from './gateway-sessions';
import type { Endpoint, GatewayRequest } from './gateway.types';
import { beginEvents, writeEmpty } from './http-answers';
import { LegacyFront } from './legacy-front';
import { StreamExchange } from './session-exchanges';

const BEAT_MS = 15_000;

/** A stream on which nothing was said yet: the session begins with `initialize`. */
interface Waiting {
  principal: GatewayRequest['principal'];
  endpoint: Endpoint;
  writer: EventWriter;
  session: GatewaySession | null;
}

/** HTTP+SSE of 2024-11-05: one stream for all that the server says, and a second URL for what the client says. */
@Injectable()
export class SseFront {
  private readonly streams = new Map<string, Waiting>();

  constructor(
    private readonly legacy: LegacyFront,
    private readonly sessions: GatewaySessions,
    private readonly desk: ExchangeDesk,
  ) {}

  /** The stream; where to send messages is the first thing that is said on it. */
  open(to: GatewayRequest, endpoint: Endpoint, messagesPath: string, id: string): void {
    this.sessions.assertRoomFor(to.principal);
    beginEvents(to, to.response);
    const writer = new EventWriter(to.response);
    const stream: Waiting = { principal: to.principal, endpoint, writer, session: null };
    this.streams.set(id, stream);
    writer.send(`${messagesPath}?sessionId=${id}`, undefined, 'endpoint');
    const beat = setInterval(() => writer.beat(), BEAT_MS).unref();
    to.response.once('close', () => {
      clearInterval(beat);
      this.streams.delete(id);
      // Without its stream the session has no voice: it ends with it.
      stream.session?.end();
    });
  }

  /** @throws SessionUnknownError, MalformedMessageError */
  post(to: GatewayRequest, endpoint: Endpoint, id: string, messages: ClientMessage[]): void {
    const stream = this.streams.get(id);
    const { principal } = to;
    const isOwn =
      stream?.endpoint === endpoint && stream.principal.id === principal.id && stream.principal.type === principal.type;
    if (stream === undefined || !isOwn) throw new SessionUnknownError();
    for (const message of messages) this.take(to, stream, message);
    writeEmpty(to, 202);
  }

  private take(to: GatewayRequest, stream: Waiting, message: ClientMessage): void {
    const { endpoint, session } = stream;
    if (message.kind === 'request' && message.method === 'initialize' && session === null) {
      void this.initialize(to, stream, message);
      return;
    }
    if (session === null) throw new MalformedMessageError(RPC_CODES.invalidRequest, 'Send initialize first');
    session.lastSeenAt = performance.now();
    if (message.kind !== 'request') {
      this.legacy.take(session, message);
      return;
    }
    this.desk.assertMay(session, { principal: to.principal, message });
    const owner = this.desk.ownerFor(endpoint);
    this.desk.begin(endpoint, new StreamExchange(session, message, owner, session.standalone));
  }

  private async initialize(to: GatewayRequest, stream: Waiting, message: ClientMessage): Promise<void> {
    const session = new GatewaySession(to.principal, stream.endpoint, 'sse', message);
    stream.session = session;
    session.standalone.connect(stream.writer);
    try {
      await this.legacy.begin(
        to,
        stream.endpoint,
        'sse',
        message,
        (begun, result) => begun.standalone.send(resultAnswer(message.idText, result)),
        session,
      );
    } catch (error) {
      stream.writer.send(errorAnswer(message.idText, rpcErrorFor(error)));
      stream.writer.end();
    }
  }
}
