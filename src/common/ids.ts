import { v7, validate } from 'uuid';

/** A new UUIDv7 (RFC 9562 section 5.7): ids sort by the time they were made. */
export function newId(): string {
  return v7();
}

/** Whether a text has the shape of one of our ids. */
export function isId(text: string): boolean {
  return validate(text) && text === text.toLowerCase();
}
