import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal';
import { BUFFER_BYTES, EventStream } from './event-stream';
import { StreamFilter } from './stream-filter';

/** A response whose reader takes what `take` says. */
class FakeResponse extends EventEmitter {
  writableLength = 0;
  text = '';
  isDestroyed = false;

  writeHead(): void {
    this.writableLength = 0;
  }

  write(bytes: Buffer): boolean {
    this.text += bytes.toString();
    this.writableLength += bytes.length;
    return this.writableLength < 16_384;
  }

  end(text: string): void {
    this.text += text;
  }

  take(): void {
    this.writableLength = 0;
    this.emit('drain');
  }

  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

describe('one reader of events', () => {
  let now: number;
  let response: FakeResponse;
  let stream: EventStream;

  beforeEach(() => {
    jest.useFakeTimers();
    now = 0;
    response = new FakeResponse();
    const filter = new StreamFilter(new Set(), null, null);
    stream = new EventStream({} as Principal, filter, response as unknown as ServerResponse, () => now);
  });
  afterEach(() => jest.useRealTimers());

  it('F38: has room for a mebibyte that it has not taken, and for no byte more', () => {
    stream.begin({});
    response.take();
    expect(stream.offer(Buffer.alloc(BUFFER_BYTES))).toBe(true);
    expect(stream.offer(Buffer.alloc(1))).toBe(false);
    response.take();
    expect(stream.offer(Buffer.alloc(1))).toBe(true);
  });

  it('F38: is stalled when it has taken nothing for a minute, and not when it is only slow', () => {
    stream.begin({});
    stream.offer(Buffer.alloc(20_000));
    now = 59_999;
    expect(stream.isStalled(now)).toBe(false);
    response.take();
    stream.offer(Buffer.alloc(20_000));
    now = 119_998;
    expect(stream.isStalled(now)).toBe(false);
    now = 119_999;
    expect(stream.isStalled(now)).toBe(true);
  });

  it('is waited for by what is sent to it, until it takes it or goes', async () => {
    stream.begin({});
    let isTaken = false;
    const sent = stream.send(Buffer.alloc(20_000)).then(() => (isTaken = true));
    await Promise.resolve();
    expect(isTaken).toBe(false);
    response.take();
    await sent;
    const lost = stream.send(Buffer.alloc(20_000));
    response.destroy();
    await lost;
    expect(response.listenerCount('drain')).toBe(1);
  });

  it('wants a heartbeat after fifteen seconds without a word', () => {
    stream.begin({});
    now = 14_999;
    expect(stream.isQuiet(now)).toBe(false);
    now = 15_000;
    expect(stream.isQuiet(now)).toBe(true);
    stream.offer(Buffer.from('x'));
    expect(stream.isQuiet(now)).toBe(false);
  });

  it('is told why it ends, gets nothing after that, and is cut if it does not take that either', async () => {
    stream.begin({});
    const ended = stream.end('revoked');
    void stream.end('shutdown');
    expect(stream.offer(Buffer.from('too late'))).toBe(true);
    expect(response.text).toBe('retry: 2000\n\nevent: revoked\ndata: {}\n\n');
    expect(response.isDestroyed).toBe(false);
    jest.advanceTimersByTime(2_000);
    await ended;
    expect(response.isDestroyed).toBe(true);
  });

  it('A15: is not begun when it was ended before', async () => {
    await stream.end('revoked');
    stream.begin({});
    expect([response.text, response.isDestroyed]).toEqual(['', true]);
  });
});
