import fc from 'fast-check';
import { redact } from './redaction';
import { HINT, type Hint, hintOf, scannedMemory } from './secret-hints';
import { TELLING_ENDS } from './secret-names';
import { TOKEN_PREFIXES } from './secret-tokens';

const HEX = '0123456789abcdef0123456789abcdef';

/** Between others, as in a batch: what is before and behind does not count. */
function hinted(text: string, before = '', after = ''): Hint {
  const codes = Buffer.alloc(before.length + text.length + after.length, before + text + after, 'latin1');
  return hintOf(scannedMemory(codes), before.length, before.length + text.length);
}

function isHinted(text: string, before = '', after = ''): boolean {
  return hinted(text, before, after) === HINT.secret;
}

const word = fc.constantFrom(
  ...[
    ...TELLING_ENDS,
    ...TOKEN_PREFIXES,
    'apiKey',
    'nextPageToken',
    'X-API-Key',
    'tokens',
    'é',
    '\u00ff',
    '1',
    '12345',
  ],
  ...['Bearer ', 'basic ', 'eyJhbGciOi', 'AKIAIOSFODNN7EXAMPLE', 'AIza', 'ASIA', '-----BEGIN ', 'PRIVATE KEY-----'],
  ...['"', "'", '\\', '\\"', '\\\\', '\\n', ':', '=', '://', '@', '\n', ' ', '.', '_', '-', '[', ']', '{', '}', ','],
  ...[HEX, 'a1B2c3D4', 'x', 'user', '/', '$'],
);
const hostile = fc.array(word, { maxLength: 30 }).map((words) => words.join(''));

describe('a hint of secrets', () => {
  it('is given for every text of which something is hidden', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (text, before, after) => {
        for (const given of [text, JSON.stringify({ text }), JSON.stringify({ a: JSON.stringify({ text }) })]) {
          if (redact(given) !== given) expect([given, isHinted(given, before, after)]).toEqual([given, true]);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it.each(TELLING_ENDS.filter((name) => redact(`{"${name}":"x"}`) !== `{"${name}":"x"}`))('is given for %s', (name) => {
    for (const spelling of [name, name.toUpperCase(), `my_${name}`, `${name}2`]) {
      expect(isHinted(`{"${spelling}":"x"}`)).toBe(true);
      expect(isHinted(`"\\n${spelling}=x"`)).toBe(true);
    }
  });

  it('is given for a NUL', () => {
    expect([isHinted('a\0b'), isHinted('ab', '\0', '\0')]).toEqual([true, false]);
  });

  it.each([
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","_meta":{"progressToken":3}}}',
    '{"jsonrpc":"2.0","id":7,"result":{"protocolVersion":"2026-07-28","serverInfo":{"version":"1"},"a_b":"12:30:45"}}',
    'see https://example.com/a_b?c=d, by the way - it has no user@host',
  ])('is not given for %s', (text) => {
    expect(isHinted(text)).toBe(false);
  });

  // It is read by fours: where a text begins and ends among them must not matter.
  it.each([0, 1, 2, 3])('says whether the text is ASCII, %i bytes behind a four', (places) => {
    const before = '\u00ff'.repeat(4 + places);
    for (let length = 0; length < 12; length++) {
      expect(hinted('x'.repeat(length), before, before)).toBe(HINT.ascii);
      for (let at = 0; at < length; at++) {
        expect(hinted(`${'x'.repeat(at)}\u00e9${'x'.repeat(length - at - 1)}`, before, before)).toBe(HINT.latin1);
      }
    }
  });

  it.each([0, 1, 2, 3])('is given wherever a secret begins, %i bytes behind a four', (places) => {
    for (let length = 0; length < 8; length++) {
      const text = `${'x'.repeat(length)} AKIAIOSFODNN7EXAMPLE`;
      expect([isHinted(text, 'x'.repeat(places)), isHinted('x'.repeat(length), 'x'.repeat(places), text)]).toEqual([
        true,
        false,
      ]);
    }
  });
});
