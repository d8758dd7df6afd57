import { PassThrough } from 'node:stream';
import { SecretMask } from '../common/secret-mask';
import { type StderrLine, StderrRing } from './stderr-ring';

const SECRET = 'sk-12345678';
const mask = new SecretMask([SECRET]);

/** What a ring keeps of the chunks, each of which arrives by itself. */
async function kept(chunks: (string | Buffer)[], ring = new StderrRing(() => 42)): Promise<string[]> {
  const stream = new PassThrough();
  ring.follow(stream, mask);
  for (const chunk of chunks) {
    stream.write(chunk);
    await new Promise(setImmediate);
  }
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.end();
  await closed;
  return ring.tail().map(({ line }) => line);
}

describe('StderrRing', () => {
  it('keeps lines, whatever chunks they come in, with the time of each', async () => {
    const ring = new StderrRing(() => 42);
    expect(await kept(['one\r\nt', 'wo\n\n  \nthr', 'ee'], ring)).toEqual(['one', 'two', 'three']);
    expect(ring.tail(1)).toEqual([{ at: 42, line: 'three' }]);
  });

  it('keeps a character whole that comes in two chunks', async () => {
    const bytes = Buffer.from('grüezi 🐘\n');
    expect(await kept([bytes.subarray(0, 3), bytes.subarray(3, 10), bytes.subarray(10)])).toEqual(['grüezi 🐘']);
  });

  it('masks a secret, also one that comes in two chunks', async () => {
    expect(await kept([`a ${SECRET} b\nkey=sk-12`, '345678 and more\n'])).toEqual(['a *** b', 'key=*** and more']);
  });

  it('masks the secret in a last line that has no end', async () => {
    expect(await kept([`bye ${SECRET}`])).toEqual(['bye ***']);
  });

  it('keeps the newest 500 lines', async () => {
    const lines = await kept([Array.from({ length: 1_800 }, (_, index) => `line ${index}\n`).join('')]);
    expect(lines).toHaveLength(500);
    expect([lines[0], lines.at(-1)]).toEqual(['line 1300', 'line 1799']);
  });

  it('cuts a line at 8 KiB, also one without an end, and does not let it grow meanwhile', async () => {
    const long = 'x'.repeat(20_000);
    expect(await kept([`${long}\nnext\n`])).toEqual(['x'.repeat(8_192), 'next']);
    expect(await kept([long, long, `${long}\nnext`])).toEqual(['x'.repeat(8_192), 'next']);
  });

  it('F12: keeps the first of a flood, says how much it dropped, and makes the program wait', async () => {
    const stream = new PassThrough();
    const ring = new StderrRing(() => 42);
    ring.follow(stream, mask);
    const flood = 'y\n'.repeat(16_384);
    let written = 0;
    while (written < 300 && stream.write(flood)) {
      written++;
      await new Promise(setImmediate);
    }
    expect(stream.isPaused()).toBe(true);
    expect(written).toBeLessThan(300);
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.destroy();
    await closed;
    expect(ring.tail(1)[0]?.line).toMatch(/^\[\d{6,} characters were dropped/);
    expect(ring.tail(2)[0]?.line).toBe('y');
  });

  it('F12: keeps two thousand tiny lines of a burst, and counts the rest as dropped', async () => {
    const ring = new StderrRing(() => 42);
    await kept(['y\n'.repeat(32_000), 'more\n'], ring);
    expect(ring.heard).toBe(2_001);
    expect(ring.dropped).toBe(2 * 30_000 + 5);
    expect(ring.tail(1)[0]?.line).toMatch(/^\[60005 characters were dropped/);
  });

  it('shows no part of a secret that stands across the cut', async () => {
    const head = 'x'.repeat(8_187);
    for (const chunks of [[`${head}${SECRET} tail\n`], [`${head}sk-12`, '345678', ' tail\n']]) {
      expect(await kept(chunks)).toEqual([`${head}*** t`]);
    }
  });

  it('keeps the words of two children apart', async () => {
    const ring = new StderrRing(() => 42);
    const [daemon, child] = [new PassThrough(), new PassThrough()];
    ring.follow(daemon, mask);
    daemon.write('an old daemon says sk-');
    await new Promise(setImmediate);
    const { heard } = ring;
    ring.follow(child, SecretMask.NONE);
    child.write('12345678 was dialled\n');
    await new Promise(setImmediate);
    expect(ring.since(heard, 10)).toEqual(['12345678 was dialled']);
    daemon.destroy();
    await new Promise((resolve) => daemon.once('close', resolve));
    expect(ring.tail().map(({ line }) => line)).toEqual(['12345678 was dialled', 'an old daemon says sk-']);
  });

  it('tells the newest of what came since a moment, though the clock went back', async () => {
    let now = 1_000;
    const ring = new StderrRing(() => now--);
    await kept(['old\n'], ring);
    const { heard } = ring;
    expect(ring.since(heard, 10)).toEqual([]);
    await kept(['a\nb\nc\n'], ring);
    expect(ring.since(heard, 10)).toEqual(['a', 'b', 'c']);
    expect(ring.since(heard, 2)).toEqual(['b', 'c']);
    expect(ring.since(0, 2_000)).toEqual(['old', 'a', 'b', 'c']);
  });

  it('hands its lines on to a sink as well, masked, with what was dropped, and tells it when the last stream ends', async () => {
    const batches: string[][] = [];
    const ends: number[] = [];
    const sink = {
      write: (lines: readonly StderrLine[]) => batches.push(lines.map(({ line }) => line)),
      end: () => ends.push(batches.length),
    };
    const ring = new StderrRing(() => 42, sink);
    const daemon = new PassThrough();
    ring.follow(daemon, mask);
    await kept([`one ${SECRET}\ntwo\n`, 'thr', 'ee\n', 'x'.repeat(80_000)], ring);
    expect(batches).toEqual([['one ***', 'two'], ['three'], [expect.stringMatching(/^\[\d+ characters were dropped/)]]);
    expect(ends).toEqual([]);
    daemon.destroy();
    await new Promise((resolve) => daemon.once('close', resolve));
    expect(ends).toEqual([3]);
  });
});
