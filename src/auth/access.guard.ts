import { ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { AUDITED } from '../audit/audited.decorator';
import { OperationLog } from '../audit/operation-log';
import { DomainError } from '../common/domain-error';
import { currentRequest } from '../common/request-context';
import { PUBLIC, REQUIRED_ROLE, WHILE_PASSWORD_EXPIRED } from './access.decorator';
import { PasswordChangeRequiredError, RoleMissingError, UnauthenticatedError } from './auth.errors';
import type { Principal } from './principal';
import { RefusalThrottle } from './refusal-throttle';
import { includesRole, type Role } from './roles';

/** Stands before every route: deny by default, `@Public()` opens, `@RequireRole()` says for whom. */
@Injectable()
export class AccessGuard extends AuthGuard('jwt') {
  private readonly logger = new Logger(AccessGuard.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly operations: OperationLog,
    private readonly refusals: RefusalThrottle,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.read(PUBLIC, context) === true) return true;
    try {
      this.admit(await this.authenticate(context), context);
      return true;
    } catch (error) {
      await this.recordRefusal(context, error);
      throw error;
    }
  }

  override handleRequest<T>(error: unknown, user: T | false): T {
    // An error of the database is no verdict on the caller.
    if (error instanceof Error) throw error;
    if (user === false) throw new UnauthenticatedError();
    return user;
  }

  private async authenticate(context: ExecutionContext): Promise<Principal> {
    await super.canActivate(context);
    const principal = context.switchToHttp().getRequest<{ user: Principal }>().user;
    const request = currentRequest();
    if (request) request.actor = { type: principal.type, id: principal.id, name: principal.name };
    return principal;
  }

  private admit(principal: Principal, context: ExecutionContext): void {
    if (principal.mustChangePassword && this.read(WHILE_PASSWORD_EXPIRED, context) !== true) {
      throw new PasswordChangeRequiredError();
    }
    const required = (this.read(REQUIRED_ROLE, context) ?? 'admin') as Role;
    if (!includesRole(principal.role, required)) throw new RoleMissingError(required);
  }

  /** Refused tries stand in the operation log; a flood from one address can't fill it. */
  private async recordRefusal(context: ExecutionContext, error: unknown): Promise<void> {
    if (!(error instanceof DomainError)) return;
    const { method, url, ip } = context.switchToHttp().getRequest<FastifyRequest>();
    const action = this.reflector.get<string | undefined>(AUDITED, context.getHandler()) ?? 'http.read';
    const missed = this.refusals.admit(ip);
    if (missed === null) return;
    const path = url.split('?')[0];
    const changes = { code: error.code, method, path, ...(missed > 0 ? { notRecordedBefore: missed } : {}) };
    const status = error.kind === 'forbidden' ? 403 : 401;
    await this.operations.append({ action, outcome: 'refused', status, changes }).catch((failure: unknown) => {
      this.logger.error('A refused request could not be recorded', failure);
    });
  }

  private read(key: string, context: ExecutionContext): unknown {
    return this.reflector.getAllAndOverride<unknown>(key, [context.getHandler(), context.getClass()]);
  }
}
