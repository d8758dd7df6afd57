import { ValidationFailedError } from './domain-error';

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/**
 * An opaque cursor (keyset): the key of the last entry seen, and the name of the list it belongs to, so that the cursor
 * of another list or order is refused instead of answering nonsense.
 */
export function encodeCursor(list: string, key: string | number): string {
  return Buffer.from(JSON.stringify([list, key])).toString('base64url');
}

/** @throws ValidationFailedError (path `cursor`) for anything that this list has not given out */
export function decodeCursor(list: string, cursor: string, type: 'string'): string;
export function decodeCursor(list: string, cursor: string, type: 'number'): number;
export function decodeCursor(list: string, cursor: string, type: 'string' | 'number'): string | number {
  const parsed = parseJson(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (Array.isArray(parsed) && parsed.length === 2 && parsed[0] === list) {
    const key: unknown = parsed[1];
    if (typeof key === 'string' && type === 'string') return key;
    if (typeof key === 'number' && Number.isSafeInteger(key) && type === 'number') return key;
  }
  throw new ValidationFailedError([{ path: 'cursor', message: 'is no cursor of this list; begin again without one' }]);
}

/** Cuts the one entry fetched beyond `limit`, which only says that there is a next page. */
export function toPage<T>(rows: T[], limit: number, cursorOf: (row: T) => string): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
