import { ArgumentsHost, Catch, ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, type ErrorKind, messageOf } from './domain-error';
import type { ProblemView } from './problem.dto';

const STATUS: Record<ErrorKind, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'precondition-failed': 412,
  'too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  unprocessable: 422,
  'rate-limited': 429,
  unavailable: 503,
  'upstream-failed': 502,
  'upstream-timeout': 504,
};

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Codes for errors that the framework raises before any code of ours runs. */
const FRAMEWORK_CODES: Record<number, { code: string; detail?: string }> = {
  400: { code: 'malformed_request' },
  404: { code: 'route_not_found', detail: 'There is no such route; the list of all is at /docs' },
  413: { code: 'body_too_large', detail: 'The request body is over the limit' },
  415: { code: 'unsupported_media_type', detail: 'Send the body as application/json' },
};

/** The HTTP status of a failure's kind. */
export function statusOf(kind: ErrorKind): number {
  return STATUS[kind];
}

/** A problem document (RFC 9457) for anything thrown; what is unknown is a 500 that tells nothing. */
export function toProblem(error: unknown, request: { url: string; id: string }): ProblemView {
  const base = { type: 'about:blank', instance: request.url.split('?')[0] ?? '/', requestId: request.id };
  if (error instanceof DomainError) {
    const status = STATUS[error.kind];
    return {
      ...base,
      title: TITLES[status] ?? 'Error',
      status,
      detail: error.message,
      code: error.code,
      ...(error.errors ? { errors: error.errors } : {}),
      ...error.extra,
    };
  }
  const status = frameworkStatus(error);
  if (status === null) {
    return {
      ...base,
      title: 'Internal Server Error',
      status: 500,
      detail: `An unexpected error; the log has it under request id ${request.id}`,
      code: 'internal_error',
    };
  }
  const known = FRAMEWORK_CODES[status];
  return {
    ...base,
    title: TITLES[status] ?? 'Error',
    status,
    detail: known?.detail ?? messageOf(error),
    code: known?.code ?? 'request_refused',
  };
}

/** The status of an error of Nest or Fastify that blames the client; null for all else. */
function frameworkStatus(error: unknown): number | null {
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}

/** Every error of every route leaves through here, as application/problem+json. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  /** `translate` makes what other layers throw into errors that can be told. */
  constructor(private readonly translate: (error: unknown) => unknown = (error) => error) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    this.answer(error, request, reply);
  }

  /** Also called for errors that Fastify raises before Nest is reached. */
  answer(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const report = healthReport(thrown);
    if (report !== null) {
      void reply.status(503).send(report);
      return;
    }
    const error = this.translate(thrown);
    const problem = toProblem(error, request);
    if (problem.status >= 500 && !(error instanceof DomainError)) {
      this.logger.error(
        error instanceof Error ? error : new Error(messageOf(error)),
        `${request.method} ${problem.instance}`,
      );
    }
    if (reply.sent || reply.raw.headersSent) return;
    if (error instanceof DomainError && error.retryAfterSeconds !== undefined) {
      void reply.header('retry-after', String(Math.max(1, Math.ceil(error.retryAfterSeconds))));
    }
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="mcps-one"');
    void reply
      .status(problem.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(problem));
  }
}

/** The body of a failed probe, which Terminus throws: it is an answer in its own shape, not an error. */
function healthReport(error: unknown): object | null {
  if (!(error instanceof HttpException) || error.getStatus() !== 503) return null;
  const body = error.getResponse();
  return typeof body === 'object' && 'details' in body ? body : null;
}
