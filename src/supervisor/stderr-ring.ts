import type { Readable } from 'node:stream';
import type { SecretMask } from '../common/secret-mask';

export interface StderrLine {
  /** Epoch milliseconds. */
  at: number;
  line: string;
}

const MAX_LINES = 500;
const MAX_LINE_CHARACTERS = 8_192;

/** The last lines of a program's stderr, its own secrets masked. Old lines make room for new ones. */
export class StderrRing {
  private lines: StderrLine[] = [];
  private partial = '';

  constructor(private readonly now: () => number) {}

  /** Reads a child's stderr to its end; lines of earlier children stay. */
  follow(stream: Readable, mask: SecretMask): void {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.take(text, mask));
    stream.once('end', () => this.finish(mask));
  }

  /** The newest `count` lines, oldest first. */
  tail(count: number = MAX_LINES): StderrLine[] {
    return this.lines.slice(-count);
  }

  /** Only what was said since a moment (epoch milliseconds): the words of one child. */
  since(at: number, count: number): string[] {
    return this.lines
      .filter((entry) => entry.at >= at)
      .slice(-count)
      .map((entry) => entry.line);
  }

  private take(text: string, mask: SecretMask): void {
    const parts = (this.partial + text).split(/\r?\n/);
    this.partial = (parts.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    for (const part of parts) this.add(part, mask);
  }

  private finish(mask: SecretMask): void {
    if (this.partial !== '') this.add(this.partial, mask);
    this.partial = '';
  }

  private add(line: string, mask: SecretMask): void {
    if (line.trim() === '') return;
    this.lines.push({ at: this.now(), line: mask.apply(line.slice(0, MAX_LINE_CHARACTERS)) });
    // Cut in batches, so that a flood doesn't move 500 entries for each line.
    if (this.lines.length >= MAX_LINES * 2) this.lines = this.lines.slice(-MAX_LINES);
  }
}
