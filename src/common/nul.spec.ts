import { nulErrors, withoutNul } from './nul';

const MESSAGE = 'must not have a NUL character';

describe('a NUL character', () => {
  it('is replaced where a text has to be stored', () => {
    expect(withoutNul('a\0b\0')).toBe('a\uFFFDb\uFFFD');
    expect(withoutNul('a\u0001b')).toBe('a\u0001b');
  });

  it('is found at every depth of an input and named by its path', () => {
    const input = { name: 'a\0', args: ['ok', 'b\0'], env: { KEY: { deep: '\0' } }, port: 1, none: null, flag: true };
    expect(nulErrors(input)).toEqual([
      { path: 'name', message: MESSAGE },
      { path: 'args.1', message: MESSAGE },
      { path: 'env.KEY.deep', message: MESSAGE },
    ]);
  });

  it('is let pass in the members that may have it, not in others of that name further down', () => {
    const skip = new Set(['arguments']);
    expect(nulErrors({ arguments: { text: '\0' }, inner: { arguments: '\0' } }, skip)).toEqual([
      { path: 'inner.arguments', message: MESSAGE },
    ]);
  });

  it.each([undefined, null, 7, 'text', {}, []])('is not in %j', (input) => {
    expect(nulErrors(input)).toEqual([]);
  });
});
