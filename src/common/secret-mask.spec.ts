import { cpuMsOf } from '../../test/support/cpu-time';
import { SecretMask } from './secret-mask';

describe('a secret mask', () => {
  it('hides a value wherever and however often it stands', () => {
    const mask = new SecretMask(['s3cr3t-value']);
    expect(mask.apply('{"a":"s3cr3t-value","url":"https://x?key=s3cr3t-value&y=1"} s3cr3t-value')).toBe(
      '{"a":"***","url":"https://x?key=***&y=1"} ***',
    );
  });

  it('leaves a text without secrets as it is', () => {
    expect(new SecretMask(['s3cr3t-value']).apply('{"a":"s3cr3t"}')).toBe('{"a":"s3cr3t"}');
    expect(SecretMask.NONE.apply('anything')).toBe('anything');
  });

  it('takes a value for text, not for a pattern', () => {
    const mask = new SecretMask(['a.c$&(+*)']);
    expect(mask.apply('abc$&(+*) a.c$&(+*)')).toBe('abc$&(+*) ***');
  });

  it.each([
    ['quotes and backslashes', 'pa"ss\\word'],
    ['line ends, as a PEM key has', '-----BEGIN KEY-----\nabc\r\n-----END KEY-----'],
    ['control characters', 'a\u0001b\tcdef'],
    ['letters beyond ASCII', 'geheimnis-äöü-世界'],
  ])('hides a value with %s as JSON writes it', (_, secret) => {
    const masked = new SecretMask([secret]).apply(JSON.stringify({ env: { KEY: secret } }));
    expect(masked).toBe('{"env":{"KEY":"***"}}');
  });

  it.each([
    ['Bearer abcdef123', 'abcdef123'],
    ['bearer   abcdef123', 'abcdef123'],
    ['Basic dXNlcjpwYXNz', 'dXNlcjpwYXNz'],
    ['Token ghp_0123', 'ghp_0123'],
  ])('hides the credential of "%s" without its scheme too', (header, credential) => {
    expect(new SecretMask([header]).apply(`token=${credential}; authorization: ${header}`)).toBe(
      'token=***; authorization: ***',
    );
  });

  it('hides the longer of two values that contain each other as a whole, in whatever order they are given', () => {
    const [short, long] = ['secret-1', 'my-secret-12'];
    for (const values of [
      [short, long],
      [long, short],
    ]) {
      expect(new SecretMask(values).apply(`${long} ${short}`)).toBe('*** ***');
    }
  });

  it('does not search for values so short that they stand everywhere', () => {
    const mask = new SecretMask(['1', 'yes', 'a', '', '12345', '123456']);
    expect(mask.apply('{"yes":1,"a":12345}')).toBe('{"yes":1,"a":12345}');
    expect(mask.apply('123456')).toBe('***');
  });

  it('stays fast on a large text with many values', () => {
    const mask = new SecretMask(Array.from({ length: 50 }, (_, index) => `secret-value-${index}-`));
    const text = 'secret-value-'.repeat(100_000);
    expect(cpuMsOf(() => expect(mask.apply(text)).toBe(text))).toBeLessThan(2_000);
  });
});
