import { SecretMask } from '../common/secret-mask';
import { capPayload as cap, carryPayload, PAYLOAD_CAP } from './payload-cap';

const MARGIN = 16 * 1024;
const capPayload = (text: string, redact = (given: string) => given) => cap(carryPayload(text, MARGIN), MARGIN, redact);

interface Cut {
  head: string;
  tail: string;
}

const cut = (text: string): Cut => JSON.parse(capPayload(text).text) as Cut;

describe('a payload', () => {
  it('is kept whole up to the cap', () => {
    for (const text of ['', '{"a":1}', 'x'.repeat(PAYLOAD_CAP)]) {
      expect(capPayload(text)).toEqual({ text, truncated: false });
    }
  });

  it('keeps its head and its tail, half the cap each, when it is one character longer', () => {
    const text = 'h'.repeat(PAYLOAD_CAP / 2) + '!' + 't'.repeat(PAYLOAD_CAP / 2);
    expect(capPayload(text).truncated).toBe(true);
    expect(cut(text)).toEqual({ head: 'h'.repeat(PAYLOAD_CAP / 2), tail: 't'.repeat(PAYLOAD_CAP / 2) });
  });

  it.each([0, 1])('is never cut in the middle of a character (offset %d)', (offset) => {
    const text = 'x'.repeat(offset) + '🌍'.repeat(PAYLOAD_CAP) + 'y'.repeat(offset);
    const { head, tail } = cut(text);
    for (const half of [head, tail]) {
      expect(half).not.toMatch(/\p{Surrogate}/u);
      expect(half.length).toBeGreaterThanOrEqual(PAYLOAD_CAP / 2 - 1);
    }
    expect(text.startsWith(head)).toBe(true);
    expect(text.endsWith(tail)).toBe(true);
  });

  it('holds no NUL, which PostgreSQL could not store', () => {
    expect(capPayload('a\0b\0')).toEqual({ text: 'a\uFFFDb\uFFFD', truncated: false });
    expect(capPayload('\0'.repeat(PAYLOAD_CAP + 1)).text).not.toContain('\0');
    expect(capPayload('"a\\u0000b"').text).toBe('"a\\u0000b"');
  });

  it.each([1, 2, 3, 5, 20])('leaves no part of a secret where it is cut, masked %d times before', (times) => {
    const secret = 'super-secret-value-of-a-tool';
    const mask = new SecretMask([secret]);
    const many = secret.repeat(times * 100);
    for (let shift = 0; shift < secret.length; shift += 3) {
      const half = (many + 'x'.repeat(2 * PAYLOAD_CAP)).slice(0, PAYLOAD_CAP / 2 + MARGIN - shift);
      const { text, truncated } = capPayload(half + secret.repeat(20_000) + half, (given) => mask.apply(given));
      expect(truncated).toBe(true);
      expect(text).not.toMatch(/super|secret|value|tool/);
      expect(text.length).toBeLessThan(PAYLOAD_CAP + 100);
    }
  });

  it('carries of a huge message no more than its ends', () => {
    const { head, tail } = carryPayload('h'.repeat(2 ** 24), MARGIN);
    expect([head.length, tail?.length]).toEqual([PAYLOAD_CAP / 2 + MARGIN, PAYLOAD_CAP / 2 + MARGIN]);
  });
});
