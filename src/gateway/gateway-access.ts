import type { IncomingMessage } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { Refusals } from '../audit/refusals';
import { UnauthenticatedError } from '../auth/auth.errors';
import type { Principal } from '../auth/principal';
import { RequestAuthenticator } from '../auth/request-authenticator';
import { DomainError } from '../common/domain-error';
import { statusOf } from '../common/problem.filter';
import { ANONYMOUS, currentRequest, runInRequest } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { RateLimitedError } from '../limits/limits.errors';
import { RequestLimits } from '../limits/request-limits';
import { ClientOrigin } from './client-origin';
import { HostNotAllowedError, OriginNotAllowedError } from './gateway.errors';
import { GatewayCounters } from './gateway-counters';
import { GatewayLimits } from './gateway-limits';

const HOST = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/;
const MAX_HOSTS = 1_000;
const RECORDED = new Set([401, 403, 429]);

/** Who and what may come in at the gateway, since no guard of the framework stands there. */
@Injectable()
export class GatewayAccess {
  private readonly logger = new Logger('Gateway');
  private readonly origins: ReadonlySet<string>;
  private readonly clients: ClientOrigin;
  /** Verdicts on Host headers, each of them judged once. */
  private readonly hosts = new Map<string, boolean>();

  constructor(
    private readonly config: AppConfig,
    private readonly authenticator: RequestAuthenticator,
    private readonly limits: GatewayLimits,
    private readonly requests: RequestLimits,
    private readonly refusals: Refusals,
    private readonly counters: GatewayCounters,
  ) {
    this.origins = new Set(config.corsOrigins);
    this.clients = new ClientOrigin(config.trustedProxies);
  }

  /** A12: neither another name for us nor a page of somebody else. @throws HostNotAllowedError, OriginNotAllowedError */
  checkNames({ headers }: IncomingMessage): void {
    const host = headers.host ?? '';
    let isAllowed = this.hosts.get(host);
    if (isAllowed === undefined) {
      isAllowed = this.isHostAllowed(host);
      if (this.hosts.size >= MAX_HOSTS) this.hosts.clear();
      this.hosts.set(host, isAllowed);
    }
    if (!isAllowed) throw new HostNotAllowedError();
    if (headers.origin !== undefined && !this.isOriginAllowed(headers.origin, host)) throw new OriginNotAllowedError();
  }

  /** Who is known without asking the database; null: ask `authenticate`. */
  recall(request: IncomingMessage): Principal | null {
    return this.authenticator.recall(request.headers);
  }

  /** @throws UnauthenticatedError, PasswordChangeRequiredError, RateLimitedError */
  async authenticate(request: IncomingMessage): Promise<Principal> {
    try {
      return await this.authenticator.authenticate(request.headers);
    } catch (error) {
      if (!(error instanceof UnauthenticatedError)) throw error;
      const allowance = this.requests.takeOfUnknown(this.clients.addressOf(request));
      if (allowance?.allowed === false) throw new RateLimitedError(allowance.resetSeconds);
      throw error;
    }
  }

  /** @throws RateLimitedError */
  charge(principal: Principal): void {
    const allowance = this.limits.take(principal);
    if (allowance?.allowed === false) throw new RateLimitedError(allowance.resetSeconds);
  }

  /** By which address the client knows us, for the documents that name ourselves. */
  baseUrl(request: IncomingMessage): string {
    return `${this.clients.schemeOf(request)}://${request.headers.host ?? ''}`;
  }

  addressOf(request: IncomingMessage): string {
    return this.clients.addressOf(request);
  }

  /** Counts a refusal and puts it into the operation log, as guards do; nobody waits for it. */
  note(request: IncomingMessage, requestId: string, principal: Principal | null, error: unknown): void {
    if (!(error instanceof DomainError)) return;
    this.counters.noteRefusal(error.code);
    const status = statusOf(error.kind);
    if (!RECORDED.has(status)) return;
    const { method = '', url = '' } = request;
    const changes = { code: error.code, method, path: url.split('?')[0] };
    runInRequest({ requestId, ip: this.clients.addressOf(request) }, () => {
      const current = currentRequest();
      if (current) {
        current.actor =
          principal === null ? ANONYMOUS : { type: principal.type, id: principal.id, name: principal.name };
      }
      this.refusals
        .record({ action: 'gateway.request', status, changes })
        .catch((failure: unknown) => this.logger.error('A refused request could not be recorded', failure));
    });
  }

  private isHostAllowed(host: string): boolean {
    const { allowedHosts } = this.config;
    if (allowedHosts.includes('*')) return true;
    const name = HOST.exec(host.toLowerCase())?.[1];
    return name !== undefined && name !== '' && allowedHosts.includes(name);
  }

  /** Our own pages (the Host is one of ours by now), and those of CORS_ORIGINS. */
  private isOriginAllowed(origin: string, host: string): boolean {
    return this.origins.has(origin) || origin === `http://${host}` || origin === `https://${host}`;
  }
}
