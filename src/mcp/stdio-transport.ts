import type { Readable, Writable } from 'node:stream';

import { AnswerText } from './answer-text';
import { isNestedDeeperThan } from './json-depth';
import { kindOf, type RpcMessage } from './json-rpc.types';
import { LineFramer, type Line } from './line-framer';
import { TransportError, type McpTransport, type TransportEnd, type TransportListener } from './transport.types';

export interface StdioTransportOptions {
  /** The child's standard input and output; the child itself belongs to the supervisor. */
  stdin: Writable;
  stdout: Readable;
  /** Longest message, in bytes; default 16 MiB. */
  maxMessageBytes?: number;
  /**
   * How long, in milliseconds, the owner may still name a better reason with `end()` after a pipe has closed; default 50.
   * Pipes break before the exit code of the process is known.
   */
  endGraceMs?: number;
  /** So long may messages wait without one being taken before the server counts as stuck, in milliseconds; default 30,000. */
  stuckMs?: number;
  /** Epoch milliseconds; for tests. */
  now?: () => number;
}

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
const MAX_QUEUED_MESSAGES = 1000;
const STUCK_MS = 30_000;
/** How often, within that time, it is looked whether anything was taken. */
const STUCK_LOOKS = 4;
const MAX_MESSAGES_PER_TURN = 256;
const MAX_MS_PER_TURN = 8;
const MESSAGES_BETWEEN_CLOCK_READS = 16;
const MESSAGES_A_WRITE = 64;
const MAX_DEPTH = 1000;
const SAMPLE_CHARACTERS = 200;

/**
 * MCP over the pipes of a child process: one JSON message a line (all revisions, `basic/transports#stdio`).
 *
 * What is no message is noise, never fatal (F14-F17). A child that floods is read at the pace of the event loop:
 * a turn takes at most 256 messages or 8 ms, then the pipe is paused (F13). Writing never waits: the queue is bounded, and
 * a server that takes nothing of it for 30 s is given up with `stdin_stuck` (F20).
 */
export class StdioTransport implements McpTransport {
  readonly carriesText = true;
  /** Resolves at the first byte on stdout; stays pending for a child that never writes one. */
  readonly firstByte: Promise<void>;
  /** Epoch milliseconds of the first byte on stdout. */
  firstByteAt: number | null = null;

  private readonly stdin: Writable;
  private readonly stdout: Readable;
  private readonly framer: LineFramer;
  private readonly endGraceMs: number;
  private readonly stuckMs: number;
  private readonly now: () => number;
  private listener: TransportListener | null = null;
  private announceFirstByte: () => void = () => undefined;
  private outgoing: string[] = [];
  private outgoingLength = 0;
  private flushing: NodeJS.Immediate | null = null;
  private queuedMessages = 0;
  private takenMessages = 0;
  private stuckTimer: NodeJS.Timeout | null = null;
  private messagesInTurn = 0;
  private turnEnd: NodeJS.Immediate | null = null;
  private sourceEnded = false;
  private pendingEnd: TransportEnd | null = null;
  private graceTimer: NodeJS.Timeout | null = null;
  private over: TransportEnd | null = null;

  constructor(options: StdioTransportOptions) {
    this.stdin = options.stdin;
    this.stdout = options.stdout;
    this.framer = new LineFramer({ maxLineBytes: options.maxMessageBytes });
    this.endGraceMs = options.endGraceMs ?? 50;
    this.stuckMs = options.stuckMs ?? STUCK_MS;
    this.now = options.now ?? Date.now;
    this.firstByte = new Promise((resolve) => {
      this.announceFirstByte = resolve;
    });
    // From the first moment to the last: an unheard 'error' (EPIPE after the end, say) would end the whole process.
    this.stdin.on('error', (error) =>
      this.endSoon('stdin_closed', `The server closed its standard input (${codeOf(error)})`),
    );
    this.stdout.on('error', (error) =>
      this.onSourceEnd(`Reading the server's standard output failed (${codeOf(error)})`),
    );
  }

  open(listener: TransportListener, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(new TransportError('open_aborted', 'Opening the connection was aborted'));
    if (this.listener) return Promise.reject(new TransportError('already_open', 'The transport was opened before'));
    if (this.over) return Promise.reject(new TransportError(this.over.code, this.over.message));
    this.listener = listener;
    this.stdout.on('data', this.onData);
    this.stdout.once('end', () => this.onSourceEnd('The server closed its standard output'));
    this.stdout.once('close', () => this.onSourceEnd('The server closed its standard output'));
    return Promise.resolve();
  }

  send(_message: RpcMessage, text: string): void {
    if (this.over || this.pendingEnd || !this.stdin.writable) throw closedError();
    if (
      this.queuedMessages >= MAX_QUEUED_MESSAGES ||
      this.stdin.writableLength + this.outgoingLength >= MAX_QUEUED_BYTES
    ) {
      throw new TransportError('stdin_stuck', 'The server does not read its standard input');
    }
    // A raw line feed is legal white space in JSON (and nowhere else) but would cut the message in two here.
    const line = text.includes('\n') ? text.replaceAll('\n', ' ') : text;
    this.queuedMessages += 1;
    if (!this.stuckTimer) this.watchQueue(this.takenMessages, 1);
    this.outgoing.push(line);
    this.outgoingLength += line.length;
    this.flushing ??= setImmediate(this.flush);
  }

  setProtocolVersion(): void {
    // The pipes carry nothing but messages.
  }

  /**
   * Ends stdin, the polite request to stop, and the connection with it: nothing is delivered afterwards.
   * Stdout is still drained so that a child busy with its last words can end. Killing is the supervisor's work.
   */
  close(): Promise<void> {
    this.end({ code: 'closed', message: 'The connection was closed by MCPS.ONE' });
    return Promise.resolve();
  }

  /** The owner knows that the connection is over, and why (the process exited, say). The first reason given wins. */
  end(reason?: TransportEnd): void {
    this.finish(reason ?? this.pendingEnd ?? { code: 'closed', message: 'The connection was closed by MCPS.ONE' });
  }

  /** All that was sent in this turn of the event loop goes out in one write: a system call costs more than a message. */
  private readonly flush = (): void => {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = null;
    const { outgoing } = this;
    this.outgoing = [];
    this.outgoingLength = 0;
    // In portions, so that a slow server is seen to take them.
    for (let from = 0; from < outgoing.length; from += MESSAGES_A_WRITE) {
      const lines = outgoing.slice(from, from + MESSAGES_A_WRITE);
      this.stdin.write(`${lines.join('\n')}\n`, 'utf8', () => {
        this.queuedMessages -= lines.length;
        this.takenMessages += lines.length;
      });
    }
  };

  /** One timer for the whole queue, and none while it is empty: a timer for each message would cost more than the message. */
  private watchQueue(taken: number, looks: number): void {
    this.stuckTimer = setTimeout(() => {
      this.stuckTimer = null;
      if (this.over || this.queuedMessages === 0) return;
      if (this.takenMessages !== taken) this.watchQueue(this.takenMessages, 1);
      else if (looks < STUCK_LOOKS) this.watchQueue(taken, looks + 1);
      else this.finish({ code: 'stdin_stuck', message: `The server has not read its input for ${this.stuckMs} ms` });
    }, this.stuckMs / STUCK_LOOKS);
    this.stuckTimer.unref();
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.firstByteAt === null) {
      this.firstByteAt = this.now();
      this.announceFirstByte();
    }
    this.framer.push(chunk);
    this.drain();
  };

  /** Delivers lines until there are none or this turn of the event loop has had enough of them. */
  private drain(): void {
    const startedAt = performance.now();
    while (!this.over) {
      if (this.messagesInTurn >= MAX_MESSAGES_PER_TURN) {
        this.pause();
        return;
      }
      const line = this.framer.next();
      if (!line) break;
      this.messagesInTurn += 1;
      this.deliver(line);
      const readClock = line.sizeBytes > 0xffff || this.messagesInTurn % MESSAGES_BETWEEN_CLOCK_READS === 0;
      if (readClock && performance.now() - startedAt > MAX_MS_PER_TURN) {
        this.pause();
        return;
      }
    }
    // The read loop of libuv hands over up to 32 chunks in one turn, so the count lives across them. A quiet child never pays for it.
    if (this.messagesInTurn >= MESSAGES_BETWEEN_CLOCK_READS && !this.over)
      this.turnEnd ??= setImmediate(this.onTurnEnd);
  }

  private pause(): void {
    this.stdout.pause();
    this.turnEnd ??= setImmediate(this.onTurnEnd);
  }

  private readonly onTurnEnd = (): void => {
    this.turnEnd = null;
    this.messagesInTurn = 0;
    if (this.over) return;
    this.drain();
    if (this.framer.hasUnread) return;
    if (this.sourceEnded) this.endOfSource();
    else if (this.stdout.isPaused()) this.stdout.resume();
  };

  private deliver(line: Line): void {
    const listener = this.listener;
    if (!listener) return;
    if (line.oversized) {
      listener.onOversized(line.head, line.sizeBytes, line.tail);
      return;
    }
    // Nobody has to look into what is relayed: it is not parsed (ADR 50).
    if (listener.onAnswerText && !isNestedDeeperThan(line.text, MAX_DEPTH)) {
      const answer = AnswerText.read(line.text);
      if (answer !== null && listener.onAnswerText(answer, line.sizeBytes)) return;
    }
    const parsed = parse(line.text);
    if (Array.isArray(parsed)) {
      // A batch (2025-03-26): its members are delivered one by one.
      if (parsed.length === 0) listener.onNoise(line.text);
      for (const member of parsed) {
        const text = JSON.stringify(member);
        this.deliverMessage(member, text, Buffer.byteLength(text));
      }
      return;
    }
    this.deliverMessage(parsed, line.text, line.sizeBytes);
  }

  private deliverMessage(value: unknown, text: string, sizeBytes: number): void {
    if (this.over) return;
    if (isMessage(value)) this.listener?.onMessage(value, text, sizeBytes);
    else this.listener?.onNoise(text.slice(0, SAMPLE_CHARACTERS));
  }

  private onSourceEnd(message: string): void {
    if (this.sourceEnded) return;
    this.sourceEnded = true;
    this.pendingEnd ??= { code: 'stdout_closed', message };
    this.framer.end();
    if (!this.turnEnd) this.endOfSource();
  }

  /** Everything the pipe held has been delivered but, maybe, an unterminated last line. */
  private endOfSource(): void {
    this.drain();
    if (this.turnEnd && this.framer.hasUnread) return;
    this.endSoon('stdout_closed', 'The server closed its standard output');
  }

  private endSoon(code: string, message: string): void {
    if (this.over) return;
    const end = (this.pendingEnd ??= { code, message });
    this.graceTimer ??= setTimeout(() => this.finish(end), this.endGraceMs);
  }

  private finish(end: TransportEnd): void {
    if (this.over) return;
    this.over = end;
    if (this.graceTimer) clearTimeout(this.graceTimer);
    if (this.stuckTimer) clearTimeout(this.stuckTimer);
    if (this.turnEnd) clearImmediate(this.turnEnd);
    if (this.stdin.writable) this.flush();
    this.stdout.off('data', this.onData);
    this.stdout.resume();
    this.stdin.end();
    this.listener?.onClose(end);
  }
}

function closedError(): TransportError {
  return new TransportError('transport_closed', 'The connection to the server is closed');
}

/** The value of one line, or undefined if it is no JSON or nests too deep to be handled safely. */
function parse(text: string): unknown {
  // Most noise (log lines, banners) shows at its first character and need not cost an exception.
  const first = text.trimStart()[0];
  if ((first !== '{' && first !== '[') || isNestedDeeperThan(text, MAX_DEPTH)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isMessage(value: unknown): value is RpcMessage {
  return typeof value === 'object' && value !== null && kindOf(value) !== null;
}

function codeOf(error: Error & { code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.message;
}
