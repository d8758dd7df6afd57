import { DomainError } from '../common/domain-error';

/** 429: more requests than the limit of RATE_LIMIT_PER_MINUTE or AUTH_RATE_LIMIT_PER_MINUTE allows. */
export class RateLimitedError extends DomainError {
  constructor(retryAfterSeconds: number) {
    super('rate-limited', 'rate_limited', `Too many requests; try again in ${retryAfterSeconds} s`, {
      retryAfterSeconds,
    });
  }
}

/** 429: too many wrong passwords. Says nothing about whether the name exists, or the password would have been right. */
export class TooManyAttemptsError extends DomainError {
  constructor(waitMs: number) {
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
    super('rate-limited', 'too_many_attempts', `Too many wrong passwords; try again in ${retryAfterSeconds} s`, {
      retryAfterSeconds,
    });
  }
}
