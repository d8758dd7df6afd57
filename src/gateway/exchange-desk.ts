import { Injectable } from '@nestjs/common';
import { ANSWERED_OK } from '../mcp/relay.types';
import { resultAnswer } from '../mcp/rpc-answers';
import type { CallOutcome } from '../mcp/traffic';
import { CallingNotAllowedError, TooManyRequestsInFlightError } from './gateway.errors';
import { GatewayCounters } from './gateway-counters';
import type { ExchangeOwner, GatewayExchange } from './gateway-exchange';
import { GatewayLimits } from './gateway-limits';
import { GatewaySession } from './gateway-session';
import type { Endpoint } from './gateway.types';
import { mayAsk } from './roles-at-gateway';

/** Takes every request on its way in and out: rights, limits, counts. One account for all fronts. */
@Injectable()
export class ExchangeDesk {
  private waiting = new Set<GatewayExchange>();
  private idle: (() => void)[] = [];

  constructor(
    private readonly limits: GatewayLimits,
    private readonly counters: GatewayCounters,
  ) {}

  /** Who keeps account of the requests to one endpoint. */
  ownerFor(endpoint: Endpoint): ExchangeOwner {
    return { ended: (exchange, outcome) => this.ended(endpoint, exchange, outcome) };
  }

  /** @throws CallingNotAllowedError, TooManyRequestsInFlightError */
  assertMay(
    client: GatewaySession | null,
    exchange: { principal: GatewaySession['principal']; message: GatewayExchange['message'] },
  ): void {
    if (!mayAsk(exchange.principal.role, exchange.message)) throw new CallingNotAllowedError(exchange.message.method);
    if (client !== null && client.exchanges.size >= this.limits.requestsPerSession) {
      throw new TooManyRequestsInFlightError('session', this.limits.requestsPerSession);
    }
  }

  /** Hands a request to its endpoint. */
  begin(endpoint: Endpoint, exchange: GatewayExchange): void {
    const { client, message } = exchange;
    this.waiting.add(exchange);
    this.counters.inFlight += 1;
    if (client instanceof GatewaySession) {
      client.exchanges.set(message.id, exchange);
      client.requests += 1;
      if (message.method === 'ping') {
        exchange.answer(resultAnswer(message.idText, '{}'), ANSWERED_OK);
        return;
      }
      const level = message.method === 'logging/setLevel' ? message.params?.level : undefined;
      if (typeof level === 'string') client.setLogLevel(level);
    }
    endpoint.request(exchange);
  }

  /** Resolves when nothing waits any more, or the time is up: what still waits then is given up. */
  async drain(limitMs: number): Promise<void> {
    if (this.waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.idle.push(resolve);
        setTimeout(resolve, limitMs).unref();
      });
    }
    for (const exchange of [...this.waiting]) exchange.cancel('MCPS.ONE is being stopped');
  }

  /** Those that never end by themselves are ended first. */
  endOpenEnded(): void {
    for (const exchange of [...this.waiting]) {
      if (exchange.message.method === 'subscriptions/listen') exchange.cancel('MCPS.ONE is being stopped');
    }
  }

  private ended(endpoint: Endpoint, exchange: GatewayExchange, outcome: CallOutcome): void {
    const { client, message, startedAt } = exchange;
    if (!this.waiting.delete(exchange)) return;
    this.counters.inFlight -= 1;
    if (client instanceof GatewaySession) {
      if (client.exchanges.get(message.id) === exchange) client.exchanges.delete(message.id);
      client.lastSeenAt = performance.now();
    }
    endpoint.ended(exchange);
    this.counters.ended(endpoint.name, message.method, outcome, performance.now() - startedAt);
    if (this.waiting.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}
