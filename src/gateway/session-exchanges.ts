import type { ClientMessage } from '../mcp/client-message';
import type { AnswerFacts } from '../mcp/relay.types';
import { EventWriter } from './event-writer';
import { type ExchangeOwner, GatewayExchange } from './gateway-exchange';
import type { GatewaySession } from './gateway-session';
import type { GatewayRequest } from './gateway.types';
import { beginEvents, writeJson } from './http-answers';
import type { SessionStream } from './session-stream';

/** From this revision on, a stream begins with an event id. */
const PRIMED_SINCE = '2025-11-25';

/**
 * A request that came by POST to a session: answered in JSON, unless its server says something of its own first: then on
 * an event stream, which the client may take up again when it breaks. That it broke is no wish to cancel.
 */
export class PostExchange extends GatewayExchange {
  private stream: SessionStream | null = null;

  constructor(
    private readonly session: GatewaySession,
    message: ClientMessage,
    owner: ExchangeOwner,
    private to: GatewayRequest | null,
  ) {
    super(session, message, owner);
  }

  protected writeAnswer(text: string): void {
    if (this.stream === null && this.to !== null && acceptsJson(this.to)) {
      writeJson(this.to, 200, text);
      return;
    }
    const stream = this.streaming();
    stream.send(text);
    stream.end();
  }

  protected writeBefore(text: string): void {
    this.streaming().send(text);
  }

  protected writeNothing(): void {
    this.streaming().end();
  }

  private streaming(): SessionStream {
    if (this.stream !== null) return this.stream;
    const stream = this.session.openStream();
    this.stream = stream;
    if (this.to === null || this.to.response.destroyed || this.to.response.headersSent) return stream;
    beginEvents(this.to, this.to.response);
    stream.connect(new EventWriter(this.to.response));
    if (this.session.protocolVersion >= PRIMED_SINCE) stream.prime();
    return stream;
  }

  protected override letGo(): void {
    super.letGo();
    this.to = null;
    this.stream = null;
  }
}

function acceptsJson({ request }: GatewayRequest): boolean {
  const { accept } = request.headers;
  return accept === undefined || !accept.includes('text/event-stream') || /json|\*\/\*/.test(accept);
}

/** A request of a batch, or over the transport of 2024-11-05: what belongs to it goes on a stream that it shares. */
export class StreamExchange extends GatewayExchange {
  constructor(
    session: GatewaySession,
    message: ClientMessage,
    owner: ExchangeOwner,
    private readonly stream: SessionStream,
    private readonly onDone: () => void = () => undefined,
  ) {
    super(session, message, owner);
  }

  protected writeAnswer(text: string, _facts: AnswerFacts): void {
    this.stream.send(text);
    this.onDone();
  }

  protected writeBefore(text: string): void {
    this.stream.send(text);
  }

  protected writeNothing(): void {
    this.onDone();
  }
}
