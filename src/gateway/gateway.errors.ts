import { DomainError } from '../common/domain-error';

export class HostNotAllowedError extends DomainError {
  constructor() {
    super('forbidden', 'host_not_allowed', 'This Host header is not allowed; add the name to ALLOWED_HOSTS');
  }
}

/** A page of somebody else's (DNS rebinding, or a link to us): A12. */
export class OriginNotAllowedError extends DomainError {
  constructor() {
    super('forbidden', 'origin_not_allowed', 'Pages of this origin may not do this; add it to CORS_ORIGINS');
  }
}

export class EndpointNotFoundError extends DomainError {
  constructor() {
    super('not-found', 'endpoint_not_found', 'There is no such MCP endpoint; a tool is at /mcp/{tool}');
  }
}

/** The same for a session that never was, one that has ended and one of somebody else (A14): the client begins anew. */
export class SessionUnknownError extends DomainError {
  constructor() {
    super('not-found', 'session_not_found', 'There is no such session; send initialize to begin one');
  }
}

export class SessionMissingError extends DomainError {
  constructor() {
    super('invalid', 'session_missing', 'Send the header Mcp-Session-Id, or initialize to begin a session');
  }
}

export class BadRequestError extends DomainError {
  constructor(code: string, message: string) {
    super('invalid', code, message);
  }
}

export class BodyTooLargeError extends DomainError {
  constructor(limitBytes: number) {
    super('too-large', 'body_too_large', `A message may have ${limitBytes} bytes`);
  }
}

export class BodyTypeError extends DomainError {
  constructor() {
    super(
      'unsupported-media-type',
      'unsupported_media_type',
      'Send the message as application/json, in UTF-8 and not compressed',
    );
  }
}

export class TooManySessionsError extends DomainError {
  constructor(whose: 'key' | 'total', limit: number) {
    const of = whose === 'key' ? 'You have' : 'There are';
    super(
      'rate-limited',
      'too_many_sessions',
      `${of} ${limit} sessions, the most there may be; end one of them first`,
      {
        retryAfterSeconds: 60,
      },
    );
  }
}

export class TooManyRequestsInFlightError extends DomainError {
  constructor(of: 'session' | 'tool', limit: number) {
    super('rate-limited', 'too_many_in_flight', `${limit} requests of this ${of} wait for their answers already`, {
      retryAfterSeconds: 1,
    });
  }
}

export class TooManyOwnServersError extends DomainError {
  constructor(tool: string, limit: number) {
    super(
      'rate-limited',
      'too_many_servers',
      `${limit} sessions have a server of ${tool} for themselves, the most there may be`,
      {
        retryAfterSeconds: 60,
      },
    );
  }
}

export class ShuttingDownError extends DomainError {
  constructor() {
    super('unavailable', 'shutting_down', 'MCPS.ONE is being stopped', { retryAfterSeconds: 5 });
  }
}

/** What a viewer may not do at the gateway. */
export class CallingNotAllowedError extends DomainError {
  constructor(method: string) {
    super('forbidden', 'role_missing', `${method.slice(0, 80)} needs the role operator; a viewer may list`);
  }
}
