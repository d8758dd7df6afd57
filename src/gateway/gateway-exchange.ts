import type { ClientMessage } from '../mcp/client-message';
import { CallCancelledError, CallTimeoutError } from '../mcp/peer.errors';
import type { AnswerFacts, Exchange } from '../mcp/relay.types';
import { errorAnswer, rpcErrorFor } from '../mcp/rpc-answers';
import type { CallOutcome } from '../mcp/traffic';
import type { GatewayClient } from './gateway.types';

/** Who keeps account of requests. */
export interface ExchangeOwner {
  ended(exchange: GatewayExchange, outcome: CallOutcome): void;
}

/** One request of a client from its arrival to its answer; how the answer is written differs by transport and era. */
export abstract class GatewayExchange implements Exchange {
  isOver = false;
  onCancel: ((reason?: string) => void) | null = null;
  /** Monotonic milliseconds. */
  readonly startedAt = performance.now();

  constructor(
    readonly client: GatewayClient,
    readonly message: ClientMessage,
    private readonly owner: ExchangeOwner,
  ) {}

  answer(text: string, facts: AnswerFacts): void {
    if (this.isOver) return;
    this.end(facts.outcome);
    this.writeAnswer(text, facts);
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    const isCancelled = error instanceof CallCancelledError;
    const outcome = isCancelled ? 'cancelled' : error instanceof CallTimeoutError ? 'timeout' : 'transport_error';
    this.end(outcome);
    if (isCancelled) {
      this.writeNothing();
      return;
    }
    const rpcError = rpcErrorFor(error);
    this.writeAnswer(errorAnswer(this.message.idText, rpcError), { outcome, errorCode: rpcError.code });
  }

  send(text: string): void {
    if (!this.isOver) this.writeBefore(text);
  }

  /** The client gives it up. */
  cancel(reason?: string): void {
    if (this.isOver) return;
    if (this.onCancel) this.onCancel(reason);
    // Whoever works on it ends it when the server has been told; where nobody does, it ends here.
    else this.fail(new CallCancelledError('the tool', this.message.method, reason));
  }

  protected abstract writeAnswer(text: string, facts: AnswerFacts): void;
  /** A message that comes before the answer. */
  protected abstract writeBefore(text: string): void;
  /** There will be no answer, because the client said that it wants none. */
  protected abstract writeNothing(): void;

  private end(outcome: CallOutcome): void {
    this.isOver = true;
    this.onCancel = null;
    this.owner.ended(this, outcome);
  }
}
