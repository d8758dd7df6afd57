import fc from 'fast-check';

import { cpuMsOf } from '../../test/support/cpu-time';
import { LineFramer, type Line } from './line-framer';

function linesOf(framer: LineFramer, ...chunks: (string | Buffer)[]): Line[] {
  const lines: Line[] = [];
  for (const chunk of chunks) {
    framer.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    for (let line = framer.next(); line; line = framer.next()) lines.push(line);
  }
  return lines;
}

function textsOf(framer: LineFramer, ...chunks: (string | Buffer)[]): string[] {
  return linesOf(framer, ...chunks).map((line) => (line.oversized ? `oversized ${line.sizeBytes}` : line.text));
}

describe('LineFramer', () => {
  it('hands out the lines of one chunk and keeps the unfinished one', () => {
    const framer = new LineFramer();
    expect(textsOf(framer, '{"a":1}\n{"b":2}\n{"c"')).toEqual(['{"a":1}', '{"b":2}']);
    expect(textsOf(framer, ':3}\n')).toEqual(['{"c":3}']);
  });

  it('takes several chunks pushed before anything is read', () => {
    const framer = new LineFramer();
    for (const part of ['a', 'b\nc', '\n', 'd\n']) framer.push(Buffer.from(part));
    const texts = [];
    for (let line = framer.next(); line; line = framer.next()) texts.push(line.oversized ? '' : line.text);
    expect(texts).toEqual(['ab', 'c', 'd']);
    expect(framer.hasUnread).toBe(false);
  });

  it('F14: drops a byte order mark at the beginning only, line ends of Windows and blank lines', () => {
    const texts = textsOf(
      new LineFramer(),
      Buffer.from([0xef, 0xbb]),
      Buffer.from([0xbf]),
      'a\r\n\r\n  \n\n\uFEFFb\nc\r\r\n',
    );
    expect(texts).toEqual(['a', '\uFEFFb', 'c\r']);
  });

  it('F15: keeps a character whole whose bytes come one by one', () => {
    const bytes = Buffer.from('{"text":"ä€😀"}\n');
    expect(textsOf(new LineFramer(), ...[...bytes].map((byte) => Buffer.from([byte])))).toEqual(['{"text":"ä€😀"}']);
  });

  it('F15: replaces bytes that are no UTF-8 and goes on', () => {
    expect(textsOf(new LineFramer(), Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x63, 0x0a]))).toEqual(['a\uFFFDb', 'c']);
  });

  it('gives the size in bytes without the line end', () => {
    expect(linesOf(new LineFramer(), 'ä€\r\n')).toEqual([{ oversized: false, text: 'ä€', sizeBytes: 5 }]);
  });

  it('hands out a line of exactly the cap and skips one byte more', () => {
    const framer = new LineFramer({ maxLineBytes: 10 });
    expect(textsOf(framer, '0123456789\n', '0123456789a\n', 'ok\n')).toEqual(['0123456789', 'oversized 11', 'ok']);
    expect(textsOf(framer, '01234', '56789', '\n', '01234', '56789', 'a', '\nok\n')).toEqual([
      '0123456789',
      'oversized 11',
      'ok',
    ]);
  });

  it('shows both ends and the true size of a line over the cap', () => {
    const framer = new LineFramer({ maxLineBytes: 20_000 });
    const line = `${'h'.repeat(5000)}${'x'.repeat(30_000)}${'t'.repeat(300)}`;
    const chunks = [line.slice(0, 3), line.slice(3, 16_000), line.slice(16_000, 35_200), `${line.slice(35_200)}\n`];
    expect(linesOf(framer, ...chunks)).toEqual([
      { oversized: true, head: 'h'.repeat(4096), tail: 't'.repeat(256), sizeBytes: 35_300 },
    ]);
  });

  it('gives the unterminated last line at the end of the stream, once', () => {
    const framer = new LineFramer();
    expect(textsOf(framer, 'a\nlast')).toEqual(['a']);
    framer.end();
    expect(framer.next()).toEqual({ oversized: false, text: 'last', sizeBytes: 4 });
    expect(framer.next()).toBeNull();
  });

  it('F16: passes over a line of 64 MiB in linear time, with bounded memory, and reads the next one', () => {
    const framer = new LineFramer();
    const chunk = Buffer.alloc(64 * 1024, 0x78);
    const before = process.memoryUsage().arrayBuffers;
    const tookMs = cpuMsOf(() => {
      for (let index = 0; index < 1024; index += 1) expect(linesOf(framer, chunk)).toEqual([]);
    });
    const lines = linesOf(framer, '\nnext\n');
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(lines.map((line) => line.sizeBytes)).toEqual([64 * 1024 * 1024, 4]);
    // Ten times what it takes: quadratic time would be a hundred times that.
    expect(tookMs).toBeLessThan(2000);
    expect(grown).toBeLessThan(64 * 1024 * 1024);
  });

  it('F16: holds a long line that comes byte by byte in about its own size', () => {
    const framer = new LineFramer();
    const byte = Buffer.from('x');
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 1_000_000; index += 1) {
      framer.push(byte);
      framer.next();
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    expect(linesOf(framer, '\n').map((line) => line.sizeBytes)).toEqual([1_000_000]);
  });

  it('finds the same lines however the stream is cut', () => {
    const line = fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((text) => text.replace(/[\r\n\uFEFF\uD800-\uDFFF]/g, ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const chunks: Buffer[] = [];
        let rest = bytes;
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        chunks.push(rest);
        const whole = textsOf(new LineFramer({ maxLineBytes: 50 }), bytes);
        expect(textsOf(new LineFramer({ maxLineBytes: 50 }), ...chunks)).toEqual(whole);
        const expected = lines.filter((text) => text.trim() !== '' || Buffer.byteLength(text) > 50);
        expect(whole).toHaveLength(expected.length);
      }),
    );
  });
});
