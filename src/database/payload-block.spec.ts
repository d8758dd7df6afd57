import { randomBytes } from 'node:crypto';
import { packPayloads, unpackPayloads } from './payload-block';

const alike = (count: number) =>
  Buffer.from(Array.from({ length: count }, (_, n) => `{"jsonrpc":"2.0","id":${n},"method":"tools/call"}`).join(''));
const noise = (bytes: number) => Buffer.from(randomBytes(bytes).toString('base64'));

describe('the payloads of a chunk', () => {
  it.each([
    ['nothing', Buffer.alloc(0), false],
    ['a few alike', alike(10), false],
    ['many alike', alike(500), true],
    ['very many alike', alike(20_000), true],
    ['what hardly shrinks', noise(10_000), false],
    ['much that hardly shrinks', noise(300_000), false],
    ['much that hardly shrinks behind a beginning that does', Buffer.concat([alike(400), noise(300_000)]), false],
  ])('come back as they were: %s', (_, raw, isSmaller) => {
    const packed = packPayloads(raw);
    expect(packed.length * 4 < raw.length).toBe(isSmaller);
    expect(unpackPayloads(Buffer.from(packed), raw.length)).toEqual(raw);
  });

  it('are none where they are damaged, and never more than they were', () => {
    const raw = alike(500);
    const packed = Buffer.from(packPayloads(raw));
    expect(unpackPayloads(packed.subarray(0, 100), raw.length)).toBeNull();
    expect(unpackPayloads(Buffer.alloc(packed.length, 0xff), raw.length)).toBeNull();
    expect(unpackPayloads(packed, raw.length - 1)).toBeNull();
    expect(unpackPayloads(packed, raw.length + 1)).toBeNull();
    const bomb = Buffer.from(packPayloads(Buffer.alloc(2 ** 24)));
    expect(unpackPayloads(bomb, 5_000_000)).toBeNull();
  });
});
