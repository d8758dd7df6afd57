import { type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Refusals } from '../audit/refusals';
import { DomainError } from '../common/domain-error';
import { statusOf } from '../common/problem.filter';
import { RouteRulebook } from './route-rules';

const REFUSED = new Set([401, 403, 429]);

/** Puts what guards refuse into the operation log: they come before the interceptor that records all else. */
@Injectable()
export class RefusedRequests {
  constructor(
    private readonly rulebook: RouteRulebook,
    private readonly refusals: Refusals,
  ) {}

  async record(context: ExecutionContext, error: unknown): Promise<void> {
    if (!(error instanceof DomainError)) return;
    const status = statusOf(error.kind);
    if (!REFUSED.has(status)) return;
    const { method, url } = context.switchToHttp().getRequest<FastifyRequest>();
    const changes = { code: error.code, method, path: url.split('?')[0] };
    await this.refusals.record({ action: this.rulebook.of(context).action, status, changes });
  }
}
