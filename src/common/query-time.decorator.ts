import { Transform } from 'class-transformer';

/** RFC 3339, as the API shows times; a date alone is its first moment in UTC. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A time in a query, read to epoch milliseconds; what is no time is left for the validator to refuse. */
export function QueryTime(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => {
    if (typeof value !== 'string' || !TIMESTAMP.test(value)) return value;
    const at = Date.parse(value);
    return Number.isNaN(at) ? value : at;
  });
}

/** For the validator that refuses it (`@IsInt`). */
export const TIME_MESSAGE = { message: '$property must be a time such as 2026-11-23T12:00:00Z' };
