/** One line of a stream; of an oversized one only its two ends are known. */
export type Line =
  | { oversized: false; text: string; sizeBytes: number }
  | { oversized: true; head: string; tail: string; sizeBytes: number };

export interface LineFramerOptions {
  /** Longest line that is handed out, in bytes; default 16 MiB. */
  maxLineBytes?: number;
}

const DEFAULT_MAX_LINE_BYTES = 16 * 1024 * 1024;
const HEAD_BYTES = 4096;
const TAIL_BYTES = 256;
const FIRST_CAPACITY_BYTES = 16 * 1024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NOTHING = Buffer.alloc(0);

/**
 * Splits a byte stream into lines (MCP stdio transport: one message a line), in time linear in the bytes.
 *
 * The owner pushes a chunk, then takes lines until there are none, so it may stop in between and yield to other work.
 * A part of a line is copied into one buffer that doubles: a list of chunks would let a child that writes byte by byte
 * hold a hundred times the cap. Bytes are decoded per line, so a character split over chunks stays whole, and invalid
 * UTF-8 becomes U+FFFD. Blank lines, one trailing `\r` and a byte order mark at the very beginning are dropped.
 */
export class LineFramer {
  private readonly maxLineBytes: number;
  private chunk: Buffer = NOTHING;
  private offset = 0;
  /** Chunks pushed before the one in hand was used up. */
  private readonly waiting: Buffer[] = [];
  private partial: Buffer = NOTHING;
  private partialLength = 0;
  private skippedBytes = 0;
  private skippedHead = '';
  private skippedTail: Buffer = NOTHING;
  private atBeginning = true;
  private ended = false;

  constructor(options: LineFramerOptions = {}) {
    this.maxLineBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES;
  }

  /** Takes the next bytes of the stream. The buffer must not be changed afterwards. */
  push(chunk: Buffer): void {
    if (this.offset >= this.chunk.length && this.waiting.length === 0) {
      this.chunk = chunk;
      this.offset = 0;
      return;
    }
    this.waiting.push(chunk);
  }

  /** The stream is over: what stands after the last line feed becomes a line. */
  end(): void {
    this.ended = true;
  }

  /** The next line, or null until more is pushed. */
  next(): Line | null {
    for (;;) {
      const line = this.offset < this.chunk.length ? this.scan() : this.advance();
      if (line === undefined) return null;
      if (line !== null) return line;
    }
  }

  /** Whether bytes that were pushed have not been looked at yet. */
  get hasUnread(): boolean {
    return this.offset < this.chunk.length || this.waiting.length > 0;
  }

  /** Goes to the next chunk (null), to the end of the stream (its last line) or stops (undefined). */
  private advance(): Line | null | undefined {
    const chunk = this.waiting.shift();
    this.chunk = chunk ?? NOTHING;
    this.offset = 0;
    if (chunk) return null;
    if (!this.ended || (this.partialLength === 0 && this.skippedBytes === 0)) return undefined;
    return this.complete(0, 0);
  }

  /** A line that ends in the chunk in hand; null if it goes on after it, or was blank. */
  private scan(): Line | null {
    const start = this.offset;
    const feed = this.chunk.indexOf(LINE_FEED, start);
    if (feed !== -1) {
      this.offset = feed + 1;
      return this.complete(start, feed);
    }
    this.offset = this.chunk.length;
    this.keep(start, this.chunk.length);
    return null;
  }

  private complete(start: number, end: number): Line | null {
    if (this.skippedBytes > 0 || this.partialLength + end - start > this.maxLineBytes) {
      this.skip(start, end);
      return this.completeSkipped();
    }
    if (this.partialLength === 0) return this.lineOf(this.chunk, start, end);
    this.append(start, end);
    const line = this.lineOf(this.partial, 0, this.partialLength);
    this.partialLength = 0;
    // One long line must not cost its memory for the rest of the child's life.
    if (this.partial.length > FIRST_CAPACITY_BYTES) this.partial = NOTHING;
    return line;
  }

  private lineOf(buffer: Buffer, start: number, end: number): Line | null {
    const stop = end > start && buffer[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    let text = buffer.toString('utf8', start, stop);
    if (this.atBeginning) {
      this.atBeginning = false;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    return text.trimStart() === '' ? null : { oversized: false, text, sizeBytes: stop - start };
  }

  private keep(start: number, end: number): void {
    if (this.skippedBytes > 0 || this.partialLength + end - start > this.maxLineBytes) {
      this.skip(start, end);
      return;
    }
    this.append(start, end);
  }

  private append(start: number, end: number): void {
    const length = this.partialLength + end - start;
    if (length > this.partial.length) {
      const capacity = Math.max(FIRST_CAPACITY_BYTES, length, Math.min(this.partial.length * 2, this.maxLineBytes));
      const grown = Buffer.allocUnsafeSlow(capacity);
      this.partial.copy(grown, 0, 0, this.partialLength);
      this.partial = grown;
    }
    this.chunk.copy(this.partial, this.partialLength, start, end);
    this.partialLength = length;
  }

  /** From here to the line feed only the size, the head and the tail are kept. */
  private skip(start: number, end: number): void {
    if (this.skippedBytes === 0) {
      const missing = Math.max(0, HEAD_BYTES - this.partialLength);
      const fromPartial = this.partial.subarray(0, Math.min(HEAD_BYTES, this.partialLength));
      const fromChunk = this.chunk.subarray(start, Math.min(end, start + missing));
      this.skippedHead = Buffer.concat([fromPartial, fromChunk]).toString('utf8');
      this.skippedTail = Buffer.from(
        this.partial.subarray(Math.max(0, this.partialLength - TAIL_BYTES), this.partialLength),
      );
      this.skippedBytes = this.partialLength;
      this.partialLength = 0;
      this.partial = NOTHING;
      this.atBeginning = false;
    }
    this.skippedBytes += end - start;
    const tail = Buffer.concat([this.skippedTail, this.chunk.subarray(Math.max(start, end - TAIL_BYTES), end)]);
    this.skippedTail = tail.subarray(Math.max(0, tail.length - TAIL_BYTES));
  }

  private completeSkipped(): Line {
    const line: Line = {
      oversized: true,
      head: this.skippedHead,
      tail: this.skippedTail.toString('utf8'),
      sizeBytes: this.skippedBytes,
    };
    this.skippedBytes = 0;
    this.skippedHead = '';
    this.skippedTail = NOTHING;
    return line;
  }
}
