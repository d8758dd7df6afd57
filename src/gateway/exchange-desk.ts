import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '../auth/principal';
import { PrincipalRevocations } from '../auth/principal-revocations';
import { everySeconds } from '../common/ticks';
import { WaitingList } from '../common/waiting-list';
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
import { isExpired, isMeant } from './whose';

/** How often it is looked whether a credential is over. */
const EXPIRY_SECONDS = 5;

/** Takes every request on its way in and out: rights, limits, counts. One account for all fronts. */
@Injectable()
export class ExchangeDesk implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  private readonly waiting = new WaitingList<GatewayExchange>();
  private readonly idle: (() => void)[] = [];

  private stop: (() => void) | null = null;

  constructor(
    private readonly limits: GatewayLimits,
    private readonly counters: GatewayCounters,
    private readonly revocations: PrincipalRevocations,
  ) {}

  onModuleInit(): void {
    this.revocations.onRevoked((revocation) => this.cancelAll((principal) => isMeant(revocation, principal)));
    this.stop = everySeconds(EXPIRY_SECONDS, () => {
      const now = Date.now();
      this.cancelAll((principal) => isExpired(principal, now));
    });
  }

  onModuleDestroy(): void {
    this.stop?.();
  }

  /** Who keeps account of the requests to one endpoint. */
  ownerFor(endpoint: Endpoint): ExchangeOwner {
    return {
      ended: (exchange, outcome) => this.ended(endpoint, exchange, outcome),
      unexpected: ({ message: { method } }, error) =>
        this.logger.error('A request to the gateway failed', error, { endpoint: endpoint.name, method }),
    };
  }

  /** @throws CallingNotAllowedError, TooManyRequestsInFlightError */
  assertMay(
    client: GatewaySession | null,
    exchange: { principal: GatewaySession['principal']; message: GatewayExchange['message'] },
  ): void {
    if (!mayAsk(exchange.principal.role, exchange.message)) throw new CallingNotAllowedError(exchange.message.method);
    if (client !== null && client.inFlight >= this.limits.requestsPerSession) {
      throw new TooManyRequestsInFlightError('session', this.limits.requestsPerSession);
    }
  }

  /** Hands a request to its endpoint. */
  begin(endpoint: Endpoint, exchange: GatewayExchange): void {
    const { client, message } = exchange;
    this.waiting.add(exchange);
    this.counters.inFlight += 1;
    if (client instanceof GatewaySession) {
      client.begin(exchange);
      if (message.method === 'ping') {
        exchange.answer(resultAnswer(message.idText, '{}'), ANSWERED_OK);
        return;
      }
      const level = message.method === 'logging/setLevel' ? message.params?.level : undefined;
      if (typeof level === 'string') client.setLogLevel(level);
    }
    try {
      endpoint.request(exchange);
    } catch (error) {
      // A bug of ours must not leave a request without an answer.
      exchange.fail(error);
    }
  }

  /** Resolves when nothing waits any more, or the time is up: what still waits then is given up. */
  async drain(limitMs: number): Promise<void> {
    if (this.waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.idle.push(resolve);
        setTimeout(resolve, limitMs).unref();
      });
    }
    for (const exchange of this.waiting) exchange.cancel('MCPS.ONE is being stopped');
  }

  /** Those that never end by themselves are ended first. */
  endOpenEnded(): void {
    for (const exchange of this.waiting) {
      if (exchange.message.method === 'subscriptions/listen') exchange.cancel('MCPS.ONE is being stopped');
    }
  }

  /** A15: of clients without a session, whose requests may be streams without end; sessions end as a whole. */
  private cancelAll(hasLost: (principal: Principal) => boolean): void {
    for (const exchange of this.waiting) {
      const { client } = exchange;
      if (client.sessionId === null && hasLost(client.principal)) exchange.cancel('Its right to be here has ended');
    }
  }

  private ended(endpoint: Endpoint, exchange: GatewayExchange, outcome: CallOutcome): void {
    const { client, message, startedAt } = exchange;
    if (!this.waiting.delete(exchange)) return;
    this.counters.inFlight -= 1;
    if (client instanceof GatewaySession) client.finish(exchange);
    endpoint.ended(exchange);
    this.counters.ended(endpoint.name, message.method, outcome, performance.now() - startedAt);
    if (this.waiting.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}
