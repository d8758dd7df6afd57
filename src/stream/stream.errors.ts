import { DomainError } from '../common/domain-error';

/** 429: the caller has as many streams open as one may have. */
export class TooManyStreamsError extends DomainError {
  constructor(limit: number) {
    super(
      'rate-limited',
      'too_many_streams',
      `You have ${limit} event streams open, and no more are allowed; close one`,
      {
        retryAfterSeconds: 10,
      },
    );
  }
}

/** 503: so many streams are open that one more would cost too much. */
export class StreamsExhaustedError extends DomainError {
  constructor() {
    super('unavailable', 'streams_exhausted', 'As many event streams are open as events.maxStreams allows; try later', {
      retryAfterSeconds: 10,
    });
  }
}

/** 503: it would have to end at once. */
export class StreamsEndingError extends DomainError {
  constructor() {
    super('unavailable', 'shutting_down', 'MCPS.ONE is shutting down', { retryAfterSeconds: 5 });
  }
}
