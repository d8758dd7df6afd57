import { CallHandler, ExecutionContext, Injectable, NestInterceptor } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import type { FastifyRequest } from 'fastify';
import type { Observable } from 'rxjs';
import { ValidationFailedError } from './domain-error';
import { FREE_FORM } from './free-form';
import { nulErrors } from './nul';

/** Nest's numbers for @Body() and @Query() in a route's argument metadata (`RouteParamtypes`). */
const BODY = 3;
const QUERY = 4;

/**
 * What a route does not read it does not accept either: query parameters and bodies of routes that declare none are a
 * 400 that names them. (Those of routes that do declare them are checked by the validation pipe.) Texts with a NUL are
 * refused everywhere: no database, file name or argument could hold them.
 */
@Injectable()
export class StrictInputInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const declared = declaredArguments(context);
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const unknown = [
      ...(declared.has(QUERY) ? [] : membersOf(request.query)),
      // Names that every object has escape the validation's look for unknown ones.
      ...membersOf(request.body).filter((name) => !declared.has(BODY) || name in Object.prototype),
    ];
    if (unknown.length > 0) {
      throw new ValidationFailedError(unknown.map((path) => ({ path, message: 'is not known here' })));
    }
    const nul = [...nulErrors(request.query), ...nulErrors(request.body, FREE_FORM)];
    if (nul.length > 0) throw new ValidationFailedError(nul);
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
