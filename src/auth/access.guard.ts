import { ExecutionContext, Injectable } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RestoreWatch } from '../availability/restore-watch';
import { currentRequest } from '../common/request-context';
import type { Allowance } from '../limits/fixed-window';
import { RateLimitedError } from '../limits/limits.errors';
import { RequestLimits } from '../limits/request-limits';
import { ApiKeyAuthenticator } from './api-key-authenticator';
import {
  PasswordChangeRequiredError,
  RoleMissingError,
  ScopeMissingError,
  UnauthenticatedError,
  UsersOnlyError,
} from './auth.errors';
import type { Principal } from './principal';
import { RefusedRequests } from './refused-requests';
import { apiKeyIn } from './request-credentials';
import { includesRole } from './roles';
import { RouteRulebook, type RouteRules } from './route-rules';

/** Stands before every route: deny by default, `@Public()` opens, `@RequireRole()` says for whom. */
@Injectable()
export class AccessGuard extends AuthGuard('jwt') {
  constructor(
    private readonly rulebook: RouteRulebook,
    private readonly keys: ApiKeyAuthenticator,
    private readonly limits: RequestLimits,
    private readonly refused: RefusedRequests,
    private readonly restores: RestoreWatch<Principal>,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const rules = this.rulebook.of(context);
    const http = context.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    try {
      if (rules.takesCredentials) charge(reply, this.limits.takeAtAuthRoute(request.ip));
      if (rules.isPublic) return true;
      const watcher = rules.whileRestoring ? this.restores.watcherWith(request.headers) : null;
      const principal = watcher ?? (await this.authenticate(context, request, reply));
      identify(request, principal);
      // The stricter limit has told what is left of it.
      charge(rules.takesCredentials ? null : reply, this.limits.takeOfPrincipal(principal));
      admit(principal, rules);
      return true;
    } catch (error) {
      await this.refused.record(context, error);
      throw error;
    }
  }

  override handleRequest<T>(error: unknown, user: T | false): T {
    // An error of the database is no verdict on the caller.
    if (error instanceof Error) throw error;
    if (user === false) throw new UnauthenticatedError();
    return user;
  }

  private async authenticate(
    context: ExecutionContext,
    request: FastifyRequest & { user?: Principal },
    reply: FastifyReply,
  ): Promise<Principal> {
    const key = apiKeyIn(request.headers);
    try {
      if (key === null) await super.canActivate(context);
      else request.user = await this.keys.authenticate(key);
    } catch (error) {
      if (error instanceof UnauthenticatedError) charge(reply, this.limits.takeOfUnknown(request.ip));
      throw error;
    }
    const principal = request.user;
    if (principal === undefined) throw new UnauthenticatedError();
    return principal;
  }
}

function identify(request: FastifyRequest & { user?: Principal }, principal: Principal): void {
  request.user = principal;
  const current = currentRequest();
  if (current) current.actor = { type: principal.type, id: principal.id, name: principal.name };
}

function admit(principal: Principal, rules: RouteRules): void {
  if (principal.mustChangePassword && !rules.whilePasswordExpired) throw new PasswordChangeRequiredError();
  if (!includesRole(principal.role, rules.role)) throw new RoleMissingError(rules.role);
  if (rules.usersOnly && principal.type !== 'user') throw new UsersOnlyError();
  if (principal.toolIds !== null && !rules.scopedKeys) throw new ScopeMissingError();
}

/** Tells what is left, in the words of draft-ietf-httpapi-ratelimit-headers-06. @throws RateLimitedError */
function charge(reply: FastifyReply | null, allowance: Allowance | null): void {
  if (allowance === null) return;
  const { allowed, limit, remaining, resetSeconds } = allowance;
  void reply?.headers({ 'ratelimit-limit': limit, 'ratelimit-remaining': remaining, 'ratelimit-reset': resetSeconds });
  if (!allowed) throw new RateLimitedError(resetSeconds);
}
