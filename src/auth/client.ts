import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Longest user agent that is kept, in characters. */
const MAX_USER_AGENT = 300;

/** From where a request came, as far as it can be known. */
export interface Client {
  ip: string;
  userAgent: string | null;
}

export function clientOf(request: FastifyRequest): Client {
  return {
    ip: request.ip.slice(0, 64),
    userAgent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT) ?? null,
  };
}

/** The client of the current request, as a parameter of a controller's method. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext) =>
  clientOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
