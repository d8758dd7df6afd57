import { ValidationFailedError } from './domain-error';
import { decodeCursor, encodeCursor, toPage } from './pagination';

const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a cursor', () => {
  it('gives back the key it was made of', () => {
    expect(decodeCursor('tools', encodeCursor('tools', 'Grüße "x"'), 'string')).toBe('Grüße "x"');
    expect(decodeCursor('mcp:asc', encodeCursor('mcp:asc', 9_007_199_254_740_991), 'number')).toBe(
      9_007_199_254_740_991,
    );
  });

  it('can stand in a URL as it is', () => {
    expect(encodeCursor('tools', '???>>>~~~')).toMatch(/^[A-Za-z0-9_-]+$/);
  });

  it.each([
    ['of another list', encodeCursor('operations:desc', 7)],
    ['of the other order', encodeCursor('system:asc', 7)],
    ['with a text where the list has numbers', encodeCursor('system:desc', '7')],
    ['with a fraction', encodeCursor('system:desc', 1.5)],
    ['with a number beyond the safe ones', encodeCursor('system:desc', 2 ** 53)],
    ['with no key', json(['system:desc'])],
    ['with more than a key', json(['system:desc', 7, 8])],
    ['with an object', json({ 0: 'system:desc', 1: 7, length: 2 })],
    ['that is null', json(null)],
    ['that is no JSON', Buffer.from('["system:desc",7').toString('base64url')],
    ['that is garbage', '%%%'],
    ['that is empty', ''],
  ])('%s is refused', (_, cursor) => {
    expect(() => decodeCursor('system:desc', cursor, 'number')).toThrow(ValidationFailedError);
    expect(() => decodeCursor('system:desc', cursor, 'number')).toThrow(
      expect.objectContaining({
        errors: [{ path: 'cursor', message: expect.stringContaining('no cursor of this list') }],
      }),
    );
  });

  it('with a number where the list has texts is refused', () => {
    expect(() => decodeCursor('tools', encodeCursor('tools', 7), 'string')).toThrow(ValidationFailedError);
  });
});

describe('a page', () => {
  const cursorOf = (row: number): string => `after ${row}`;

  it('leaves out the entry beyond its limit and points behind its own last one', () => {
    expect(toPage([1, 2, 3], 2, cursorOf)).toEqual({ items: [1, 2], nextCursor: 'after 2' });
  });

  it.each([
    ['full', [1, 2]],
    ['shorter', [1]],
    ['empty', []],
  ])('is the last one when it is %s and nothing comes after it', (_, rows) => {
    expect(toPage(rows, 2, cursorOf)).toEqual({ items: rows, nextCursor: null });
  });
});
