import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { ValidationFailedError } from './domain-error';

/** Nest's numbers for @Body() and @Query() in a route's argument metadata (`RouteParamtypes`). */
const BODY = 3;
const QUERY = 4;

/**
 * What a route does not read it does not accept either: query parameters and bodies of routes that declare none are a
 * 400 that names them. (Those of routes that do declare them are checked by the validation pipe.)
 */
@Injectable()
export class StrictInputInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const declared = declaredArguments(context);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const unknown = [
      ...(declared.has(QUERY) ? [] : membersOf(request.query)),
      ...(declared.has(BODY) ? [] : membersOf(request.body)),
    ];
    if (unknown.length > 0) {
      throw new ValidationFailedError(unknown.map((path) => ({ path, message: 'is not known here' })));
    }
    return next.handle();
  }
}

function declaredArguments(context: ExecutionContext): Set<number> {
  const metadata = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) as
    Record<string, unknown> | undefined;
  // Keys are "<kind>:<index>"; those of custom decorators are longer and no number.
  return new Set(Object.keys(metadata ?? {}).map((key) => Number(key.split(':')[0])));
}

function membersOf(input: unknown): string[] {
  if (Array.isArray(input)) return ['body'];
  return typeof input === 'object' && input !== null ? Object.keys(input) : [];
}
