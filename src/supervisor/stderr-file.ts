import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { StderrLine, StderrSink } from './stderr-ring';

export interface StderrFileLimits {
  /** A file grows no larger; what comes then goes into a new one. */
  maxBytes: number;
  /** The one that is written, and those before it: `x.log`, `x.log.1`, `x.log.2`. */
  files: number;
  /** So much may wait for a slow disk, in characters; what comes then is lost. */
  maxQueued: number;
  /** A file that nothing was written to for so long is closed: an idle tool holds no descriptor. */
  idleMs: number;
  /** After an error nothing is tried for so long. */
  pauseMs: number;
}

export const STDERR_FILE_LIMITS: StderrFileLimits = {
  maxBytes: 10 * 1024 * 1024,
  files: 3,
  maxQueued: 1024 * 1024,
  idleMs: 60_000,
  pauseMs: 60_000,
};

export interface StderrFileOptions {
  /** Asked at each opening: a tool that was renamed goes on in a file of its new name. */
  path: () => string;
  limits: StderrFileLimits;
  /** Told of each failure, of the first success after one, and of lines that are not written. */
  onTrouble: (error: Error) => void;
  onRecovery: () => void;
  onLost: (lines: number) => void;
}

/** A link in its place is not followed (Windows knows no such flag, and takes its absence for 0). */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * The stderr of one tool on disk: readable lines with their time, rotated by size. It is opened at the first line and
 * closed at `end` or when idle. Nothing that happens here reaches the tool: a disk that is full, slow or not ours costs
 * lines, which are counted and told in the file once it can be written again.
 *
 * Rotation is done here and not by a library: it is two renames, while what needs care (opening late, closing when idle,
 * a bounded queue, errors that are survived) would have to be built around any of them.
 */
export class StderrFile implements StderrSink {
  /** Lines that were not written, and the file does not say so yet. */
  private untold = 0;
  private queue: string[] = [];
  private queued = 0;
  private queuedLines = 0;
  private handle: FileHandle | null = null;
  private openPath = '';
  private sizeBytes = 0;
  private work: Promise<void> | null = null;
  private isEnded = false;
  private idleTimer: NodeJS.Timeout | undefined;
  private pausedUntil = -Infinity;
  private isTroubled = false;

  constructor(private readonly options: StderrFileOptions) {}

  /** Whether it holds no descriptor and nothing waits. */
  get isClosed(): boolean {
    return this.work === null && this.handle === null;
  }

  write(lines: readonly StderrLine[]): void {
    this.isEnded = false;
    if (this.queued > this.options.limits.maxQueued || performance.now() < this.pausedUntil) {
      this.lose(lines.length);
      return;
    }
    const text = textOf(lines);
    this.queue.push(text);
    this.queued += text.length;
    this.queuedLines += lines.length;
    this.begin();
  }

  /** Writes what waits and lets go of the file; a later line opens it again. */
  end(): void {
    this.isEnded = true;
    this.begin();
  }

  /** Resolves when nothing waits; after `end`, when the file is closed. Never rejects. */
  async settled(): Promise<void> {
    while (this.work !== null) await this.work;
  }

  private begin(): void {
    clearTimeout(this.idleTimer);
    this.work ??= this.run().finally(() => {
      this.work = null;
      // What came between the last look and now.
      if (this.queue.length > 0 || (this.isEnded && this.handle !== null)) this.begin();
    });
  }

  private async run(): Promise<void> {
    try {
      while (this.queue.length > 0) await this.writeQueue();
    } catch (error) {
      await this.onError(error);
    }
    if (this.isEnded) await this.close();
    else this.idleTimer = setTimeout(() => this.onIdle(), this.options.limits.idleMs).unref();
  }

  private async writeQueue(): Promise<void> {
    const note = this.untold === 0 ? '' : textOf([{ at: Date.now(), line: `[${this.untold} lines were not written]` }]);
    const bytes = Buffer.from(note + this.queue.join(''));
    const lines = this.queuedLines;
    this.queue = [];
    this.queued = 0;
    this.queuedLines = 0;
    try {
      let handle = await this.opened();
      if (this.sizeBytes > 0 && this.sizeBytes + bytes.length > this.options.limits.maxBytes) {
        await this.rotate();
        handle = await this.opened();
      }
      await handle.appendFile(bytes);
    } catch (error) {
      this.lose(lines);
      throw error;
    }
    this.sizeBytes += bytes.length;
    this.untold = 0;
    if (this.isTroubled) this.options.onRecovery();
    this.isTroubled = false;
  }

  private async opened(): Promise<FileHandle> {
    if (this.handle !== null) return this.handle;
    this.openPath = this.options.path();
    await mkdir(dirname(this.openPath), { recursive: true, mode: 0o700 });
    const handle = await open(this.openPath, FLAGS, 0o600);
    this.handle = handle;
    // It may be an older file with other rights.
    await handle.chmod(0o600);
    this.sizeBytes = (await handle.stat()).size;
    return handle;
  }

  private async rotate(): Promise<void> {
    await this.close();
    const name = (index: number): string => (index === 0 ? this.openPath : `${this.openPath}.${index}`);
    for (let index = this.options.limits.files - 1; index > 0; index -= 1) {
      await rename(name(index - 1), name(index)).catch(ignoreMissing);
    }
  }

  private async onError(error: unknown): Promise<void> {
    this.isTroubled = true;
    this.pausedUntil = performance.now() + this.options.limits.pauseMs;
    this.lose(this.queuedLines);
    this.queue = [];
    this.queued = 0;
    this.queuedLines = 0;
    await this.close();
    this.options.onTrouble(error instanceof Error ? error : new Error(String(error)));
  }

  private onIdle(): void {
    if (this.work !== null) return;
    this.work = this.close().finally(() => {
      this.work = null;
      if (this.queue.length > 0) this.begin();
    });
  }

  private async close(): Promise<void> {
    const { handle } = this;
    this.handle = null;
    await handle?.close().catch(() => undefined);
  }

  private lose(lines: number): void {
    if (lines === 0) return;
    this.untold += lines;
    this.options.onLost(lines);
  }
}

/** One line each, whatever a program writes: colours are dropped, control characters shown. Cheap, for floods. */
function textOf(lines: readonly StderrLine[]): string {
  let text = '';
  let at = NaN;
  let time = '';
  for (const entry of lines) {
    if (entry.at !== at) {
      at = entry.at;
      time = new Date(at).toISOString();
    }
    text += `${time} ${CONTROL.test(entry.line) ? harmless(entry.line) : entry.line}\n`;
  }
  return text;
}

const CONTROL = /(?!\t)\p{Cc}/u;
const CONTROLS = new RegExp(CONTROL.source, 'gu');

function harmless(line: string): string {
  return stripVTControlCharacters(line).replace(CONTROLS, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
