import type { Readable } from 'node:stream';
import { SecretMask } from '../common/secret-mask';

export interface StderrLine {
  /** Epoch milliseconds. */
  at: number;
  line: string;
}

/** Where lines go beside the ring, in batches as they come. It never throws and never makes anybody wait. */
export interface StderrSink {
  write(lines: readonly StderrLine[]): void;
  /** The program has closed its stderr; another one may follow. */
  end(): void;
}

const MAX_LINES = 500;
const MAX_LINE_CHARACTERS = 8_192;
/** So much of a line is looked at: a secret that begins within the limit must be seen whole to be masked. */
const MAX_READ_CHARACTERS = 2 * MAX_LINE_CHARACTERS;

/** A flood is measured in windows: so much of one is kept, so much is read (and dropped), then the program has to wait. */
const WINDOW_MS = 250;
const KEPT_CHARACTERS = 64 * 1024;
const READ_CHARACTERS = 1024 * 1024;
/** Tiny lines cost more than their characters: so many of a window are kept, four times what the ring holds. */
const KEPT_LINES = 2_000;

/** The last lines of a program's stderr, its own secrets masked. Old lines make room for new ones. */
export class StderrRing {
  /** How many lines were heard in all. */
  heard = 0;
  /** How many characters of floods were not kept, in all. */
  dropped = 0;
  private lines: StderrLine[] = [];
  /** Heard, but not told to the sink yet. */
  private fresh: StderrLine[] = [];
  /** How many streams are being read: a daemon of an earlier child may hold its own for long. */
  private streams = 0;

  /** What the ring drops of a flood, the sink does not get either. */
  constructor(
    private readonly now: () => number,
    private readonly sink?: StderrSink,
  ) {}

  /** Reads a child's stderr to its end; lines of earlier children stay. */
  follow(stream: Readable, mask: SecretMask): void {
    let partial = '';
    let window = { since: 0, taken: 0, lines: 0, dropped: 0 };
    this.streams++;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const now = performance.now();
      if (now - window.since >= WINDOW_MS) {
        this.tellDropped(window.dropped);
        window = { since: now, taken: 0, lines: 0, dropped: 0 };
      }
      window.taken += text.length;
      if (window.taken > KEPT_CHARACTERS || window.lines >= KEPT_LINES) {
        window.dropped += text.length;
        this.dropped += text.length;
        // Half a line is no line.
        partial = '';
        if (window.taken > READ_CHARACTERS) pauseFor(WINDOW_MS, stream);
        this.tellSink();
        return;
      }
      const parts = (partial + text).split(/\r?\n/);
      partial = (parts.pop() ?? '').slice(0, MAX_READ_CHARACTERS);
      for (const over of parts.splice(KEPT_LINES - window.lines)) {
        window.dropped += over.length + 1;
        this.dropped += over.length + 1;
      }
      window.lines += parts.length;
      for (const part of parts) this.add(part, mask);
      this.tellSink();
    });
    // A stream that is let go of has no 'end'.
    stream.once('close', () => {
      this.tellDropped(window.dropped);
      this.add(partial, mask);
      this.tellSink();
      this.streams--;
      if (this.streams === 0) this.sink?.end();
    });
  }

  /** The newest `count` lines, oldest first. */
  tail(count: number = MAX_LINES): StderrLine[] {
    return this.lines.slice(-count);
  }

  /** The newest `count` lines of those that came after `heard` ones: the words of one child. */
  since(heard: number, count: number): string[] {
    const fresh = Math.min(count, this.heard - heard);
    return fresh === 0 ? [] : this.tail(fresh).map((entry) => entry.line);
  }

  private tellDropped(characters: number): void {
    if (characters > 0)
      this.add(`[${characters} characters were dropped: the program writes too fast]`, SecretMask.NONE);
  }

  private tellSink(): void {
    if (this.fresh.length === 0) return;
    this.sink?.write(this.fresh);
    this.fresh = [];
  }

  private add(line: string, mask: SecretMask): void {
    if (line.trim() === '') return;
    const masked = mask.apply(line.slice(0, MAX_READ_CHARACTERS));
    const entry = { at: this.now(), line: masked.slice(0, MAX_LINE_CHARACTERS) };
    this.lines.push(entry);
    if (this.sink) this.fresh.push(entry);
    this.heard++;
    // Cut in batches, so that a flood doesn't move 500 entries for each line.
    if (this.lines.length >= MAX_LINES * 2) this.lines = this.lines.slice(-MAX_LINES);
  }
}

/** The pipe fills and the program waits: reading all of a flood would cost more than half a core. */
function pauseFor(ms: number, stream: Readable): void {
  stream.pause();
  setTimeout(() => stream.resume(), ms).unref();
}
