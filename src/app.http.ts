import type { IncomingMessage } from 'node:http';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from './common/domain-error';
import { newId } from './common/ids';
import { ProblemFilter } from './common/problem.filter';
import { runInRequest } from './common/request-context';
import { traceContextOf } from './common/trace-context';
import type { AppConfig } from './config/app-config';
import { DirectRequest } from './gateway/direct-request';
import { DirectResponse } from './gateway/direct-response';
import { isNestedDeeperThan } from './mcp/json-depth';
import { HttpMeter } from './metrics/http-meter';

/** Largest body of a REST request. */
export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const MAX_BODY_DEPTH = 200;
/** How long requests under way may take once the server closes; the children are down by then. */
const CLOSE_GRACE_MS = 2_000;
/** A request id of a client that is kept: what can't be mistaken for something else in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const JSON_TYPES = /^application\/(?:[a-z0-9.+-]+\+)?json(?:\s*;|$)/i;

class HostRefusedError extends DomainError {
  constructor() {
    super('forbidden', 'host_not_allowed', 'This Host header is not allowed; add the name to ALLOWED_HOSTS');
  }
}

class MalformedJsonError extends DomainError {
  constructor(message = 'The body is not valid JSON') {
    super('invalid', 'malformed_json', message);
  }
}

class NotJsonError extends DomainError {
  constructor() {
    super('unsupported-media-type', 'unsupported_media_type', 'Send the body as application/json');
  }
}

/** Fastify with our ids and limits; errors before Nest is reached leave through the same filter as all others. */
export function createAdapter(config: AppConfig): FastifyAdapter {
  const filter = new ProblemFilter();
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    // For the gateway, which takes its requests off this server before the framework sees them.
    http: { IncomingMessage: DirectRequest, ServerResponse: DirectResponse },
    // From anybody else X-Forwarded-For would let a guesser be a new address with each try.
    trustProxy: config.trustedProxies.length > 0 && [...config.trustedProxies],
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
    },
    routerOptions: { maxParamLength: 200 },
    // Slow clients: headers and body must come within this time.
    requestTimeout: 60_000,
    keepAliveTimeout: 72_000,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void reply.header('x-request-id', request.id);
      filter.answer(error, request, reply);
    },
  });
}

/** Everything that happens to a request before a route is chosen: id, context, Host check, bodies as JSON and nothing else. */
export function prepareHttp(app: NestFastifyApplication, config: AppConfig): void {
  const fastify = app.getHttpAdapter().getInstance();
  const meter = app.get(HttpMeter);
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    if (request.url.startsWith(config.apiPrefix)) void reply.header('cache-control', 'no-store');
    if (!isHostAllowed(request, config.allowedHosts)) done(new HostRefusedError());
    else runInRequest({ requestId: request.id, ip: request.ip, trace: traceContextOf(request.headers) }, done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    meter.add({ method, route: routeOptions.url, status: reply.statusCode, ms: reply.elapsedTime });
    done();
  });
  fastify.addHook('onRequest', (request, _, done) => {
    const isForm = request.headers['content-type']?.toLowerCase().startsWith('multipart/') === true;
    const isTaken = request.url === `${config.apiPrefix}/system/backups/upload`;
    done(isForm && !isTaken && !request.is404 ? new NotJsonError() : undefined);
  });
  fastify.addHook('preClose', (done) => {
    // A connection on which nothing was ever asked (a browser's spare one, a TCP check) would hold the shutdown up.
    setTimeout(() => fastify.server.closeAllConnections(), CLOSE_GRACE_MS).unref();
    done();
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    JSON_TYPES,
    { parseAs: 'string', bodyLimit: BODY_LIMIT_BYTES },
    (request, body, done) => {
      // Many clients send the header without a body.
      if (body === '') {
        done(null, undefined);
        return;
      }
      // Validation and its libraries recurse: a body made to be deep would end on the stack.
      if (isNestedDeeperThan(body as string, MAX_BODY_DEPTH)) {
        done(new MalformedJsonError(`The body is nested deeper than ${MAX_BODY_DEPTH} levels`));
        return;
      }
      // 'error': a body with __proto__ in it is refused, not cleaned.
      void fastify.getDefaultJsonParser('error', 'error')(request, body as string, (error, parsed) => {
        done(error ? new MalformedJsonError() : null, parsed);
      });
    },
  );
}

/** DNS rebinding: a page of a stranger's name that resolves to us must not reach the API. Probes call by address. */
function isHostAllowed(request: FastifyRequest, allowed: readonly string[]): boolean {
  if (allowed.includes('*') || /^\/health(\/|\?|$)/.test(request.url)) return true;
  const host = request.headers.host?.toLowerCase() ?? '';
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host)?.[1];
  return name !== undefined && name !== '' && allowed.includes(name);
}
