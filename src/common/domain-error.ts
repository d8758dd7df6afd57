/** What kind of failure this is; the HTTP edge maps it to a status, the gateway to a JSON-RPC error. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'conflict'
  | 'precondition-failed'
  | 'too-large'
  | 'unsupported-media-type'
  | 'range-not-satisfiable'
  | 'unprocessable'
  | 'rate-limited'
  | 'unavailable'
  | 'upstream-failed'
  | 'upstream-timeout';

export interface FieldError {
  /** Dotted path of the field, as `args.0` or `env.API_KEY`. */
  path: string;
  message: string;
}

interface DomainErrorOptions {
  errors?: FieldError[];
  retryAfterSeconds?: number;
  /** Further members of the problem document, such as `rpcError`. */
  extra?: Record<string, unknown>;
  cause?: unknown;
}

/** A failure that the caller is meant to understand: `code` is a stable word, `message` a sentence that says what to do. */
export class DomainError extends Error {
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extra: Record<string, unknown> | undefined;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extra = options.extra;
  }
}

/** 400 with the fields that are wrong. */
export class ValidationFailedError extends DomainError {
  constructor(errors: FieldError[]) {
    const first = errors[0];
    super('invalid', 'validation_failed', first ? `${first.path} ${first.message}` : 'The request is not valid', {
      errors,
    });
  }
}

/** 412: the resource has changed since the caller read it. */
export class PreconditionFailedError extends DomainError {
  constructor(currentVersion: number) {
    super(
      'precondition-failed',
      'version_mismatch',
      `The resource is at version ${currentVersion}; read it again and send If-Match: "${currentVersion}"`,
    );
  }
}

/** A message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
