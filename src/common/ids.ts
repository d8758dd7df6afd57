import { v7, validate } from 'uuid';

/** A new UUIDv7 (RFC 9562 section 5.7): ids sort by the time they were made. */
export function newId(): string {
  return v7();
}

/** The bits that are drawn once for all ids of a batch. */
export function newIdTail(): string {
  return v7().slice(18);
}

/**
 * Makes ids of one batch, a third of the cost of as many `newId()`: UUIDv7 of the time given, a count, and bits that are
 * drawn once. Up to 4,096 of them differ, whatever the clock does. The same tail makes the same ids.
 */
export class BatchIds {
  private lastAt = NaN;
  private time = '';

  constructor(private readonly tail = newIdTail()) {}

  of(at: number, count: number): string {
    if (at !== this.lastAt) {
      this.time = timePart(at);
      this.lastAt = at;
    }
    return `${this.time}${COUNTS[count & LAST_ID_COUNT] ?? ''}${this.tail}`;
  }
}

/** Counts of a batch have twelve bits. */
export const LAST_ID_COUNT = 0xfff;

const COUNTS = Array.from({ length: LAST_ID_COUNT + 1 }, (_, count) => count.toString(16).padStart(3, '0'));

/** The beginning of ids of a moment: 48 bits of Unix time in milliseconds and the version (RFC 9562 section 5.7). */
export function timePart(at: number): string {
  const hex = at.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
}

/** Whether a text has the shape of one of our ids. */
export function isId(text: string): boolean {
  return validate(text) && text === text.toLowerCase();
}
