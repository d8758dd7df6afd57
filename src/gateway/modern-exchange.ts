import type { ClientMessage } from '../mcp/client-message';
import { RPC_CODES } from '../mcp/json-rpc.types';
import type { AnswerFacts } from '../mcp/relay.types';
import { EventWriter } from './event-writer';
import { type ExchangeOwner, GatewayExchange } from './gateway-exchange';
import { RequestGivenUpError } from './gateway.errors';
import type { GatewayRequest } from './gateway.types';
import { beginEvents, writeJson, writeRefusal } from './http-answers';
import type { ModernClient } from './modern-client';
import type { OpenStreams } from './open-streams';

/** Errors that are told by the HTTP status as well, where nothing has been sent yet (2026-07-28, transports/streamable-http). */
const STATUS: Record<number, number> = {
  [RPC_CODES.methodNotFound]: 404,
  [RPC_CODES.headerMismatch]: 400,
  [RPC_CODES.missingRequiredClientCapability]: 400,
  [RPC_CODES.unsupportedProtocolVersion]: 400,
};

/** A request of the modern era: its answer, and what comes before, is all that its connection is for. */
export class ModernExchange extends GatewayExchange {
  private writer: EventWriter | null = null;

  constructor(
    client: ModernClient,
    message: ClientMessage,
    owner: ExchangeOwner,
    private to: GatewayRequest | null,
    private readonly streams: OpenStreams,
  ) {
    super(client, message, owner);
  }

  protected writeAnswer(text: string, { errorCode }: AnswerFacts): void {
    if (this.writer === null) {
      if (this.to !== null) writeJson(this.to, (errorCode === null ? undefined : STATUS[errorCode]) ?? 200, text);
      return;
    }
    this.writer.send(text);
    this.endStream(this.writer);
  }

  protected writeBefore(text: string): void {
    this.streaming()?.send(text);
  }

  protected writeNothing(): void {
    if (this.writer !== null) this.endStream(this.writer);
    // A client gives up by closing its connection: who still reads was given up by us (revoked, stopped).
    else if (this.to !== null) writeRefusal(this.to, new RequestGivenUpError(), this.message.idText);
  }

  protected override letGo(): void {
    super.letGo();
    this.to = null;
    this.writer = null;
  }

  private streaming(): EventWriter | null {
    if (this.writer !== null || this.to === null) return this.writer;
    beginEvents(this.to, this.to.response);
    this.writer = new EventWriter(this.to.response);
    this.streams.add(this.writer);
    return this.writer;
  }

  private endStream(writer: EventWriter): void {
    this.streams.remove(writer);
    writer.end();
  }
}
