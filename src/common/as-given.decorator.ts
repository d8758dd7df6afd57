import { Transform } from 'class-transformer';

/**
 * Keeps the value of a field as it came. class-transformer rebuilds objects, and loses members on the way that are named
 * like a method of every object (`constructor`, `toString`): what goes on to somebody else must arrive whole.
 */
export function AsGiven(): PropertyDecorator {
  return Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => obj[key]);
}
