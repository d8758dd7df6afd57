import { parseConfigText } from './config-text';
import { ImportError } from './import.errors';

function errorOf(text: string): ImportError {
  try {
    parseConfigText(text);
  } catch (error) {
    if (error instanceof ImportError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseConfigText', () => {
  it('reads comments, trailing commas and a byte order mark', () => {
    expect(parseConfigText('\uFEFF{ // one\n "a": [1, 2,], /* two */ }')).toEqual({ a: [1, 2] });
  });

  it('counts lines whatever ends them', () => {
    expect(errorOf('{\r\n"a": 1\r\n"b": 2}').position).toEqual({ line: 3, column: 1 });
    expect(errorOf('').position).toEqual({ line: 1, column: 1 });
  });

  it('refuses a text that is nested too deeply', () => {
    expect(errorOf('['.repeat(1_000_000)).message).toBe('the configuration is nested too deeply');
  });

  it('makes __proto__ a property like every other', () => {
    const value = parseConfigText('{"__proto__": {"a": 1}}') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });
});
