import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createStream, type RotatingFileStream } from 'rotating-file-stream';
import type { LogSink } from './app-logger';
import { toDatedLine, toJsonLine } from './log-sinks';

export interface LogFileLimits {
  /** A file that has grown so large is put aside, as it is at the end of each day. */
  size: `${number}${'B' | 'K' | 'M'}`;
  /** Files that were put aside and are kept, compressed: `app.log.1.gz` is the newest. */
  files: number;
  /** So many bytes may wait for a slow disk; lines that come then are lost. */
  maxQueued: number;
  /** After an error nothing is tried for so long. */
  pauseMs: number;
}

export const LOG_FILE_LIMITS: LogFileLimits = { size: '10M', files: 10, maxQueued: 8 * 1024 * 1024, pauseMs: 60_000 };

const CLOSE_LIMIT_MS = 2_000;
/** What is compressed before the program starts, in bytes: a tenth of a second. */
const MOST_AT_START = 10 * 1024 * 1024;

/**
 * The system's own log as a file (made with its folder, mode 0600), rotated by size and day: JSON lines, or lines for eyes.
 * That it can't be written is said once on stderr and never thrown; it is tried anew after a while.
 */
export class LogFile {
  private readonly format: typeof toJsonLine;
  private stream: RotatingFileStream | null = null;
  private pausedUntil = -Infinity;
  private isTroubled = false;
  private isClosed = false;
  private lost = 0;

  constructor(
    private readonly file: string,
    options: { json: boolean },
    private readonly limits: LogFileLimits = LOG_FILE_LIMITS,
  ) {
    this.format = options.json ? toJsonLine : toDatedLine;
    this.putAsideOfEarlierDay();
    this.open();
  }

  readonly write: LogSink = (entry) => {
    if (this.isClosed) return;
    if (this.stream === null && performance.now() >= this.pausedUntil) this.open();
    if (this.stream === null || this.stream.writableLength > this.limits.maxQueued) {
      this.lost++;
      return;
    }
    this.stream.write(this.format(entry) + '\n');
  };

  /** Writes what is left, within a limit; idempotent. Entries that come later are not for the file any more. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { stream } = this;
    this.stream = null;
    if (stream === null) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        stream.once('close', () => resolve()).once('error', () => resolve());
        stream.end();
      }),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_LIMIT_MS))),
    ]);
    clearTimeout(timer);
  }

  /** The library rotates at midnight alone, and a program that is started each morning never sees one. */
  private putAsideOfEarlierDay(): void {
    try {
      const found = statSync(this.file, { throwIfNoEntry: false });
      // A larger one is put aside by the library, by its size.
      if (found?.isFile() !== true || found.size === 0 || found.size > MOST_AT_START) return;
      if (found.mtime.toDateString() === new Date().toDateString()) return;
      const aside = (place: number) => `${this.file}.${place}.gz`;
      const compressed = gzipSync(readFileSync(this.file));
      for (let place = this.limits.files - 1; place > 0; place--) {
        if (existsSync(aside(place))) renameSync(aside(place), aside(place + 1));
      }
      writeFileSync(aside(1), compressed, { mode: 0o600 });
      rmSync(this.file);
    } catch {
      // Then it is gone on with: what can't be written is told when it is opened.
    }
  }

  private open(): void {
    try {
      mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
    } catch (error) {
      this.fail(error);
      return;
    }
    const { size, files } = this.limits;
    const stream = createStream(basename(this.file), {
      ...{ path: dirname(this.file), size, interval: '1d', rotate: files, compress: 'gzip', mode: 0o600 },
    });
    stream.on('error', (error) => {
      if (this.stream === stream) this.fail(error);
    });
    // One that was there before, with another mode.
    stream.once('open', () => this.protect());
    stream.once('open', () => this.recover());
    this.stream = stream;
  }

  private protect(): void {
    try {
      chmodSync(this.file, 0o600);
    } catch {
      // It is not ours: it can be written all the same.
    }
  }

  private fail(error: unknown): void {
    this.stream = null;
    this.pausedUntil = performance.now() + this.limits.pauseMs;
    if (this.isTroubled) return;
    this.isTroubled = true;
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`The log file ${this.file} can't be written: ${reason}\n`);
  }

  private recover(): void {
    if (!this.isTroubled) return;
    this.isTroubled = false;
    process.stderr.write(`The log file ${this.file} can be written again; ${this.lost} lines are not in it\n`);
    this.lost = 0;
  }
}
