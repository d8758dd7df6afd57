import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppConfig } from '../config/app-config';
import { JsonRequiredError, OriginRefusedError } from './auth.errors';
import { refreshTokenIn } from './refresh-cookie';
import { RefusedRequests } from './refused-requests';

const JSON_TYPE = /^application\/json(\s*;|$)/i;

/**
 * Stands before routes that act on a cookie, which browsers send whoever asks for the request. SameSite=Strict keeps pages
 * of other sites out, but not those of another port or subdomain. So the request must be one that a foreign page can't
 * send without a preflight (JSON, or the header X-Requested-With), and an Origin must be ours or one of CORS_ORIGINS.
 */
@Injectable()
export class CookieOriginGuard implements CanActivate {
  constructor(
    private readonly config: AppConfig,
    private readonly refused: RefusedRequests,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // Without the cookie there is nothing that a foreign page could make use of.
    if (refreshTokenIn(request.headers.cookie) === undefined) return true;
    const { origin, 'content-type': contentType, 'x-requested-with': requestedWith } = request.headers;
    if (!JSON_TYPE.test(contentType ?? '') && requestedWith === undefined) throw new JsonRequiredError();
    if (origin === undefined || this.isAllowed(origin, request.host)) return true;
    const error = new OriginRefusedError();
    await this.refused.record(context, error);
    throw error;
  }

  /** The scheme of our own origin is not compared: behind a proxy we may not know it, and the host says enough. */
  private isAllowed(origin: string, ownHost: string): boolean {
    return this.config.corsOrigins.includes(origin) || /^https?:\/\/(.+)$/.exec(origin)?.[1] === ownHost.toLowerCase();
  }
}
