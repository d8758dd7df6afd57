import { ClientMessage } from '../mcp/client-message';
import { CallCancelledError, CallTimeoutError } from '../mcp/peer.errors';
import type { AnswerFacts, Exchange } from '../mcp/relay.types';
import { errorAnswer, isTellable, rpcErrorFor } from '../mcp/rpc-answers';
import type { CallOutcome } from '../mcp/traffic';
import type { GatewayClient } from './gateway.types';

/** Who keeps account of requests. */
export interface ExchangeOwner {
  ended(exchange: GatewayExchange, outcome: CallOutcome): void;
  /** It fails for a reason that nobody foresaw, which the client is not told. */
  unexpected(exchange: GatewayExchange, error: unknown): void;
}

/**
 * One request of a client from its arrival to its answer; how the answer is written differs by transport and era.
 *
 * Once it is over it lets go of all that came with it. Maps and sets through which much passes are rebuilt again and again,
 * and V8 leaves their old tables, with the entries of that time, alive until the next full collection: what hangs on an
 * entry would outlive every young collection, and all of it be copied.
 */
export abstract class GatewayExchange implements Exchange {
  isOver = false;
  onCancel: ((reason?: string) => void) | null = null;
  /** Monotonic milliseconds. */
  readonly startedAt = performance.now();

  constructor(
    readonly client: GatewayClient,
    public message: ClientMessage,
    private readonly owner: ExchangeOwner,
  ) {}

  answer(text: string, facts: AnswerFacts): void {
    if (this.isOver) return;
    this.end(facts.outcome);
    this.writeAnswer(text, facts);
    this.letGo();
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    if (!isTellable(error)) this.owner.unexpected(this, error);
    const isCancelled = error instanceof CallCancelledError;
    const outcome = isCancelled ? 'cancelled' : error instanceof CallTimeoutError ? 'timeout' : 'transport_error';
    this.end(outcome);
    if (isCancelled) {
      this.writeNothing();
    } else {
      const rpcError = rpcErrorFor(error);
      this.writeAnswer(errorAnswer(this.message.idText, rpcError), { outcome, errorCode: rpcError.code });
    }
    this.letGo();
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

  /** What came with the request is of no use any more. */
  protected letGo(): void {
    this.message = ClientMessage.NONE;
  }

  private end(outcome: CallOutcome): void {
    this.isOver = true;
    this.onCancel = null;
    this.owner.ended(this, outcome);
  }
}
