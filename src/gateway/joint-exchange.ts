import { ClientMessage } from '../mcp/client-message';
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
    public message: ClientMessage,
    private readonly endpoint: Endpoint,
    private sink: JointSink | null,
    private readonly onEnd: (exchange: JointExchange) => void = () => undefined,
  ) {}

  begin(): void {
    this.endpoint.request(this);
  }

  answer(text: string, facts: AnswerFacts): void {
    if (this.isOver) return;
    this.end()?.answer(text, facts);
    this.message = ClientMessage.NONE;
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.end()?.fail(error);
    this.message = ClientMessage.NONE;
  }

  send(text: string): void {
    if (!this.isOver) this.sink?.send(text);
  }

  cancel(reason?: string): void {
    if (this.isOver) return;
    if (this.onCancel) this.onCancel(reason);
    else this.fail(new CallCancelledError(this.endpoint.name, this.message.method, reason));
  }

  /** What is over keeps nothing of what it was for (`GatewayExchange` says why). */
  private end(): JointSink | null {
    const { sink } = this;
    this.sink = null;
    this.isOver = true;
    this.onCancel = null;
    this.endpoint.ended(this);
    this.onEnd(this);
    return sink;
  }
}
