import type { ClientMessage } from '../mcp/client-message';
import { CallCancelledError } from '../mcp/peer.errors';
import type { AnswerFacts } from '../mcp/relay.types';
import type { ClientExchange, Endpoint, GatewayClient } from './gateway.types';

/** Where what comes of a request to one tool goes. */
export interface JointSink {
  answer(text: string, facts: AnswerFacts): void;
  fail(error: unknown): void;
  send(text: string): void;
}

/** A request to one tool on behalf of a client of the joint endpoint. */
export class JointExchange implements ClientExchange {
  isOver = false;
  onCancel: ((reason?: string) => void) | null = null;

  constructor(
    readonly client: GatewayClient,
    readonly message: ClientMessage,
    private readonly endpoint: Endpoint,
    private readonly sink: JointSink,
    private readonly onEnd: (exchange: JointExchange) => void = () => undefined,
  ) {}

  begin(): void {
    this.endpoint.request(this);
  }

  answer(text: string, facts: AnswerFacts): void {
    if (this.isOver) return;
    this.end();
    this.sink.answer(text, facts);
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.end();
    this.sink.fail(error);
  }

  send(text: string): void {
    if (!this.isOver) this.sink.send(text);
  }

  cancel(reason?: string): void {
    if (this.isOver) return;
    if (this.onCancel) this.onCancel(reason);
    else this.fail(new CallCancelledError(this.endpoint.name, this.message.method, reason));
  }

  private end(): void {
    this.isOver = true;
    this.onCancel = null;
    this.endpoint.ended(this);
    this.onEnd(this);
  }
}
