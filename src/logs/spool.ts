import {
  appendFileSync,
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { LogEntryRow } from './log-batch';
import { readSpoolLine } from './spool-line';

export interface SpoolLimits {
  /** Most that all segments together may take. */
  maxBytes: number;
  segmentBytes: number;
}

/** A file of lines; segments are read in the order of their numbers. */
interface Segment {
  number: number;
  file: string;
  bytes: number;
}

/** Rows read from the front of the spool. */
export interface SpoolChunk {
  rows: LogEntryRow[];
  /** Lines that were not as they were written; they are kept in a file of their own. */
  damaged: number;
  /** Takes the chunk off the spool. */
  done: () => void;
}

/** Part of the free disk that the spool may take. */
const FREE_SHARE = 0.2;
/** Part of the limit that is left to rows without payloads. */
const METADATA_SHARE = 1 / 8;
const READ_BYTES = 1024 * 1024;
const QUARANTINE_BYTES = 4 * 1024 * 1024;
const SEGMENT = /^(\d{8})\.spool$/;

/**
 * Rows that wait in files for the database: appended at the end, read from the front, in order. What is appended outlives the
 * process (kill -9), and after `sync` also the machine. Where a leftover spool ends in half a line, that line is ignored.
 */
export class Spool {
  private segments: Segment[] = [];
  private tail: { segment: Segment; descriptor: number } | null = null;
  private offset = 0;
  private unsynced = false;
  private limit = 0;

  constructor(
    private readonly folder: string,
    private readonly limits: SpoolLimits,
  ) {
    this.segments = leftovers(folder);
    this.measure();
  }

  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isEmpty(): boolean {
    return this.segments.length === 0;
  }

  /** Whether so many bytes more may come: with payloads only while room is left for rows without. */
  hasRoom(bytes: number, kind: 'whole' | 'metadata'): boolean {
    const limit = kind === 'whole' ? this.limit * (1 - METADATA_SHARE) : this.limit;
    return this.bytes + bytes <= limit;
  }

  /** Appends all or nothing. @throws what the disk says: full, read-only, gone */
  append(lines: Buffer): void {
    const { segment, descriptor } = this.writable(lines.length);
    try {
      for (let written = 0; written < lines.length;) {
        written += writeSync(descriptor, lines, written, lines.length - written, segment.bytes + written);
      }
    } catch (error) {
      ftruncateSync(descriptor, segment.bytes);
      throw error;
    }
    segment.bytes += lines.length;
    this.unsynced = true;
  }

  /** Makes what was appended outlive the machine. @throws what the disk says */
  sync(): void {
    if (!this.unsynced) return;
    this.unsynced = false;
    if (this.tail) fdatasyncSync(this.tail.descriptor);
    this.measure();
  }

  /** The next rows from the front; none of them is taken off before `done`. */
  read(maxRows: number): SpoolChunk {
    const rows: LogEntryRow[] = [];
    let damaged = 0;
    const segment = this.segments[0];
    if (!segment) return { rows, damaged, done: () => undefined };
    const { lines, end } = readLines(segment, this.offset, maxRows);
    for (const line of lines) {
      const row = readSpoolLine(line);
      if (row) rows.push(row);
      else if (line !== '') {
        damaged++;
        this.quarantine(line);
      }
    }
    return { rows, damaged, done: () => this.advance(segment, end) };
  }

  close(): void {
    this.sync();
    if (this.tail) closeSync(this.tail.descriptor);
    this.tail = null;
  }

  private advance(segment: Segment, offset: number): void {
    this.offset = offset;
    if (offset < segment.bytes) return;
    if (this.tail?.segment === segment) {
      closeSync(this.tail.descriptor);
      this.tail = null;
      this.unsynced = false;
    }
    this.segments.shift();
    this.offset = 0;
    rmSync(segment.file, { force: true });
  }

  private writable(bytes: number): { segment: Segment; descriptor: number } {
    const { tail } = this;
    if (tail && tail.segment.bytes + bytes <= this.limits.segmentBytes) return tail;
    if (tail) {
      this.sync();
      closeSync(tail.descriptor);
      this.tail = null;
    }
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const number = (this.segments.at(-1)?.number ?? 0) + 1;
    const file = join(this.folder, `${String(number).padStart(8, '0')}.spool`);
    const segment = { number, file, bytes: 0 };
    this.tail = { segment, descriptor: openSync(file, 'wx', 0o600) };
    this.segments.push(segment);
    return this.tail;
  }

  /** The limit by the disk as it is now. */
  private measure(): void {
    this.limit = this.limits.maxBytes;
    try {
      const { bavail, bsize } = statfsSync(this.segments.length > 0 ? this.folder : parentOf(this.folder));
      this.limit = Math.min(this.limit, FREE_SHARE * (bavail * bsize + this.bytes));
    } catch {
      // The folder is gone or not made yet: appending will tell.
    }
  }

  private quarantine(line: string): void {
    const file = join(this.folder, 'damaged.txt');
    try {
      const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (size + line.length <= QUARANTINE_BYTES) appendFileSync(file, `${line}\n`, { mode: 0o600 });
    } catch {
      // It is counted all the same.
    }
  }
}

function leftovers(folder: string): Segment[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => SEGMENT.test(name))
    .sort()
    .map((name) => {
      const file = join(folder, name);
      return { number: Number(name.slice(0, 8)), file, bytes: statSync(file).size };
    });
}

/** Whole lines from an offset on, and where the next read begins; an unfinished last line of a leftover is passed over. */
function readLines(segment: Segment, offset: number, maxLines: number): { lines: string[]; end: number } {
  // A file that somebody has taken away holds nothing any more.
  if (statSync(segment.file, { throwIfNoEntry: false }) === undefined) return { lines: [], end: segment.bytes };
  const descriptor = openSync(segment.file, 'r');
  try {
    for (let length = READ_BYTES; ; length *= 2) {
      const buffer = Buffer.alloc(Math.min(length, segment.bytes - offset));
      const size = readSync(descriptor, buffer, 0, buffer.length, offset);
      const isEnd = offset + size >= segment.bytes;
      const found = linesOf(buffer.subarray(0, size), maxLines);
      if (found.lines.length > 0) {
        const isTorn = isEnd && found.lines.length < maxLines && found.length < size;
        return { lines: found.lines, end: offset + (isTorn ? size : found.length) };
      }
      // Shorter than it was, or nothing but half a line: there is no more to be had from it.
      if (isEnd || size === 0) return { lines: [], end: segment.bytes };
    }
  } finally {
    closeSync(descriptor);
  }
}

function linesOf(buffer: Buffer, maxLines: number): { lines: string[]; length: number } {
  const lines: string[] = [];
  let start = 0;
  while (lines.length < maxLines) {
    const end = buffer.indexOf(0x0a, start);
    if (end < 0) break;
    lines.push(buffer.toString('utf8', start, end));
    start = end + 1;
  }
  return { lines, length: start };
}

function parentOf(folder: string): string {
  return join(folder, '..');
}
