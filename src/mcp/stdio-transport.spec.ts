import { PassThrough, Readable, Writable } from 'node:stream';

import type { RpcMessage } from './json-rpc.types';
import { StdioTransport, type StdioTransportOptions } from './stdio-transport';
import { TransportError, type TransportEnd } from './transport.types';

const never = new AbortController().signal;

class Pipes {
  /** Ids of the calls that are relayed: their answers need not be parsed. */
  readonly relayed = new Set<number | null>();
  readonly answers: string[] = [];
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly messages: RpcMessage[] = [];
  readonly texts: string[] = [];
  readonly noise: string[] = [];
  readonly oversized: { head: string; sizeBytes: number; tail?: string }[] = [];
  readonly ends: TransportEnd[] = [];
  readonly transport: StdioTransport;
  /** Resolves at the next message, noise, oversized message or end. */
  private wake: () => void = () => undefined;

  constructor(options: Partial<StdioTransportOptions> = {}) {
    this.transport = new StdioTransport({ stdin: this.stdin, stdout: this.stdout, endGraceMs: 0, ...options });
  }

  async open(): Promise<this> {
    await this.transport.open(
      {
        onMessage: (message, text) => {
          this.messages.push(message);
          this.texts.push(text);
          this.wake();
        },
        onAnswerText: (answer) => {
          if (!this.relayed.has(answer.id)) return false;
          this.answers.push(answer.text);
          this.wake();
          return true;
        },
        onNoise: (sample) => {
          this.noise.push(sample);
          this.wake();
        },
        onOversized: (head, sizeBytes, tail) => {
          this.oversized.push({ head, sizeBytes, tail });
          this.wake();
        },
        onSendFailed: () => {
          throw new Error('pipes never fail a single message');
        },
        onClose: (end) => {
          this.ends.push(end);
          this.wake();
        },
      },
      never,
    );
    return this;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  ended(): Promise<void> {
    return this.until(() => this.ends.length > 0);
  }
}

describe('StdioTransport', () => {
  afterEach(() => jest.useRealTimers());

  it('delivers each line as a message with its exact text', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.write('{"jsonrpc":"2.0", "id":1,"result":{}}\n{"jsonrpc":"2.0","method":"x"}\n');
    await pipes.until(() => pipes.messages.length === 2);
    expect(pipes.texts).toEqual(['{"jsonrpc":"2.0", "id":1,"result":{}}', '{"jsonrpc":"2.0","method":"x"}']);
    expect(pipes.messages[0]).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  });

  it('F14: tolerates what is no message and reports it as noise', async () => {
    const pipes = await new Pipes().open();
    const noise = [
      '\u001b[32mready\u001b[0m',
      'Listening...',
      '{"broken',
      '42',
      'null',
      '"text"',
      '{"level":"info"}',
      '[]',
    ];
    pipes.stdout.write(`\uFEFF${noise.join('\r\n')}\r\n\r\n{"jsonrpc":"2.0","method":"alive"}\n`);
    await pipes.until(() => pipes.messages.length === 1);
    expect(pipes.noise).toEqual(noise);
  });

  it('shows at most 200 characters of noise', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.write(`${'x'.repeat(5000)}\n`);
    await pipes.until(() => pipes.noise.length === 1);
    expect(pipes.noise[0]).toHaveLength(200);
  });

  it('F17: refuses a message nested 100,000 deep as noise and reads on', async () => {
    const pipes = await new Pipes().open();
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    pipes.stdout.write(`{"jsonrpc":"2.0","id":1,"result":${deep}}\n{"jsonrpc":"2.0","method":"alive"}\n`);
    await pipes.until(() => pipes.messages.length === 1);
    expect(pipes.noise).toHaveLength(1);
    expect(pipes.messages[0]?.method).toBe('alive');
  });

  it('F17: keeps a `__proto__` key inert', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.write('{"jsonrpc":"2.0","id":1,"result":{"__proto__":{"polluted":true}}}\n');
    await pipes.until(() => pipes.messages.length === 1);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('delivers the members of a batch one by one (2025-03-26)', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.write('[{"jsonrpc":"2.0","id":1,"result":1}, 7, {"jsonrpc":"2.0","id":2,"result":2}]\n');
    await pipes.until(() => pipes.messages.length === 2);
    expect(pipes.texts).toEqual(['{"jsonrpc":"2.0","id":1,"result":1}', '{"jsonrpc":"2.0","id":2,"result":2}']);
    expect(pipes.noise).toEqual(['7']);
  });

  it('F16: reports a message over the cap with both ends and goes on', async () => {
    const pipes = await new Pipes({ maxMessageBytes: 1000 }).open();
    const big = `{"result":"${'x'.repeat(5000)}","id":3}`;
    pipes.stdout.write(`${big}\n{"jsonrpc":"2.0","method":"alive"}\n`);
    await pipes.until(() => pipes.messages.length === 1);
    expect(pipes.oversized).toEqual([{ head: big.slice(0, 4096), sizeBytes: big.length, tail: big.slice(-256) }]);
  });

  it('hands the answer to what is relayed on as it stands, and parses what somebody looks into', async () => {
    const pipes = await new Pipes().open();
    pipes.relayed.add(1);
    const relayed = '{"jsonrpc":"2.0","id":1,"result":{"mean":NaN,"big":12345678901234567890}}';
    const broken = '{"jsonrpc":"2.0","id":1,"result":{"mean":1}';
    const looked = '{"jsonrpc":"2.0","id":2,"result":{"mean":1}}';
    pipes.stdout.write(`${[relayed, broken, looked.replace('1}', 'NaN}'), looked].join('\n')}\n`);
    await pipes.until(() => pipes.texts.length === 1);
    expect([pipes.answers, pipes.texts]).toEqual([[relayed], [looked]]);
    expect(pipes.noise).toHaveLength(2);
  });

  it('F13: lets other work run in the middle of a flood, and loses nothing of it', async () => {
    const pipes = await new Pipes().open();
    const deliveredAtTurns: number[] = [];
    let wasPaused = false;
    const watch = (): void => {
      deliveredAtTurns.push(pipes.messages.length);
      wasPaused ||= pipes.stdout.isPaused();
      if (pipes.messages.length < 5000) setImmediate(watch);
    };
    setImmediate(watch);
    pipes.stdout.write('{"jsonrpc":"2.0","method":"flood"}\n'.repeat(5000));
    await pipes.until(() => pipes.messages.length === 5000);
    const steps = deliveredAtTurns.map((count, index) => count - (deliveredAtTurns[index - 1] ?? 0));
    expect(Math.max(...steps)).toBeLessThanOrEqual(512);
    await new Promise((resolve) => setImmediate(resolve));
    expect([wasPaused, pipes.stdout.isPaused()]).toEqual([true, false]);
  });

  it('delivers what a flood left behind before it reports the end', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.end(`${'{"jsonrpc":"2.0","method":"flood"}\n'.repeat(3000)}{"jsonrpc":"2.0","method":"last"}`);
    await pipes.ended();
    expect(pipes.messages).toHaveLength(3001);
    expect(pipes.messages.at(-1)?.method).toBe('last');
    expect(pipes.ends).toEqual([{ code: 'stdout_closed', message: 'The server closed its standard output' }]);
  });

  it('tells when the first byte came, be it noise', async () => {
    const pipes = await new Pipes({ now: () => 1234 }).open();
    expect(pipes.transport.firstByteAt).toBeNull();
    pipes.stdout.write('.');
    await pipes.transport.firstByte;
    expect(pipes.transport.firstByteAt).toBe(1234);
  });

  it('writes one line a message, whatever white space its text holds', async () => {
    const pipes = await new Pipes().open();
    pipes.transport.send({ method: 'a' }, '{"method":"a"}');
    pipes.transport.send({ method: 'b' }, '{\n  "method": "b"\n}');
    await new Promise((resolve) => setImmediate(resolve));
    expect(String(pipes.stdin.read())).toBe('{"method":"a"}\n{   "method": "b" }\n');
  });

  it('F20: refuses at once what a server that reads nothing would have to hold beyond 1000 messages', async () => {
    const stdin = new Writable({ write: () => undefined });
    const pipes = await new Pipes({ stdin }).open();
    const send = (): void => pipes.transport.send({ method: 'x' }, '{"method":"x"}');
    for (let index = 0; index < 1000; index += 1) send();
    expect(send).toThrow(expect.objectContaining({ code: 'stdin_stuck' }));
  });

  it('F20: refuses at once what a server that reads nothing would have to hold beyond 16 MiB', async () => {
    const stdin = new Writable({ write: () => undefined });
    const pipes = await new Pipes({ stdin }).open();
    const text = JSON.stringify({ method: 'x'.repeat(1024 * 1024) });
    const send = (): void => pipes.transport.send({ method: 'x' }, text);
    for (let index = 0; index < 16; index += 1) send();
    expect(send).toThrow(expect.objectContaining({ code: 'stdin_stuck' }));
  });

  it('F20: ends when nothing of what waits was taken for so long, and not while anything is', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const taken: (() => void)[] = [];
    const stdin = new Writable({ write: (_chunk, _encoding, done) => void taken.push(done), highWaterMark: 1 });
    const pipes = await new Pipes({ stdin, stuckMs: 200 }).open();
    for (let index = 0; index < 10; index += 1) {
      pipes.transport.send({ method: 'x' }, '{"method":"x"}');
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Slower than the limit as a whole, but never as long without a step.
    for (let index = 0; index < 4; index += 1) {
      jest.advanceTimersByTime(80);
      taken.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    jest.advanceTimersByTime(100);
    expect(pipes.ends).toEqual([]);
    jest.advanceTimersByTime(150);
    await pipes.until(() => pipes.ends.length > 0);
    expect(pipes.ends).toEqual([{ code: 'stdin_stuck', message: 'The server has not read its input for 200 ms' }]);
  });

  it('F20: holds no timer while nothing waits', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const pipes = await new Pipes({ stuckMs: 20 }).open();
    pipes.transport.send({ method: 'x' }, '{"method":"x"}');
    await new Promise((resolve) => setImmediate(resolve));
    jest.advanceTimersByTime(30); // one look
    expect(jest.getTimerCount()).toBe(0);
    expect(pipes.ends).toEqual([]);
  });

  it('takes messages again when the server has read', async () => {
    const taken: (() => void)[] = [];
    const stdin = new Writable({ write: (_chunk, _encoding, done) => void taken.push(done), highWaterMark: 1 });
    const pipes = await new Pipes({ stdin }).open();
    const send = (): void => pipes.transport.send({ method: 'x' }, '{"method":"x"}');
    for (let index = 0; index < 1000; index += 1) send();
    expect(send).toThrow(TransportError);
    await new Promise((resolve) => setImmediate(resolve));
    while (stdin.writableLength > 0) {
      taken.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(send).not.toThrow();
  });

  it('F21: survives a server that closes its stdin, and ends once', async () => {
    const pipes = await new Pipes().open();
    pipes.stdin.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await pipes.ended();
    pipes.stdout.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pipes.ends).toEqual([{ code: 'stdin_closed', message: 'The server closed its standard input (EPIPE)' }]);
    expect(() => pipes.transport.send({ method: 'x' }, '{}')).toThrow(
      expect.objectContaining({ code: 'transport_closed' }),
    );
  });

  it('F21: survives an error while reading', async () => {
    const pipes = await new Pipes().open();
    pipes.stdout.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
    await pipes.ended();
    expect(pipes.ends).toEqual([
      { code: 'stdout_closed', message: "Reading the server's standard output failed (EIO)" },
    ]);
  });

  it('F3: prefers the reason of the owner, who learns the exit code just after the pipes broke', async () => {
    const pipes = await new Pipes({ endGraceMs: 60_000 }).open();
    pipes.stdout.end();
    pipes.stdin.destroy(new Error('EPIPE'));
    await new Promise((resolve) => pipes.stdout.once('close', resolve));
    expect(pipes.ends).toEqual([]);
    pipes.transport.end({ code: 'exited', message: 'exited with signal SIGSEGV' });
    pipes.transport.end({ code: 'again', message: 'again' });
    expect(pipes.ends).toEqual([{ code: 'exited', message: 'exited with signal SIGSEGV' }]);
  });

  it('still delivers an answer that was in the pipe when writing failed', async () => {
    const pipes = await new Pipes({ endGraceMs: 20 }).open();
    pipes.stdin.destroy(new Error('EPIPE'));
    pipes.stdout.write('{"jsonrpc":"2.0","id":1,"result":{}}\n');
    await pipes.ended();
    expect(pipes.messages).toHaveLength(1);
  });

  it('ends stdin on close, delivers nothing afterwards but drains stdout', async () => {
    const pipes = await new Pipes().open();
    await pipes.transport.close();
    await pipes.transport.close();
    expect(pipes.stdin.writableEnded).toBe(true);
    pipes.stdout.end('{"jsonrpc":"2.0","id":1,"result":{}}\n');
    await new Promise((resolve) => pipes.stdout.once('end', resolve));
    expect(pipes.messages).toEqual([]);
    expect(pipes.ends.map((end) => end.code)).toEqual(['closed']);
  });

  it('delivers nothing more of a chunk when the listener closes in the middle of it', async () => {
    const pipes = await new Pipes().open();
    pipes.messages.push = (...added) => {
      void pipes.transport.close();
      return Array.prototype.push.apply(pipes.messages, added);
    };
    pipes.stdout.write('{"jsonrpc":"2.0","method":"a"}\n{"jsonrpc":"2.0","method":"b"}\n');
    await pipes.ended();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pipes.messages.map((message) => message.method)).toEqual(['a']);
  });

  it('rejects to open after the end, with its reason, and when aborted', async () => {
    const gone = new Pipes();
    gone.transport.end({ code: 'exited', message: 'exited with code 1' });
    await expect(gone.open()).rejects.toMatchObject({ code: 'exited' });
    const transport = new StdioTransport({ stdin: new PassThrough(), stdout: Readable.from([]) });
    await expect(transport.open({} as never, AbortSignal.abort())).rejects.toMatchObject({ code: 'open_aborted' });
  });
});
