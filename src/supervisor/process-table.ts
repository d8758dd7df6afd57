import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** One process as /proc/<pid>/stat shows it (proc(5)). */
export interface ProcessRow {
  pid: number;
  ppid: number;
  pgrp: number;
  session: number;
  /** R, S, D, Z, T ... */
  state: string;
  /** User and system time in clock ticks. */
  cpuTicks: number;
  /** When it began, in clock ticks since the machine did. With the pid it names a process for good. */
  startTicks: number;
  rssPages: number;
}

/** Clock ticks a second: USER_HZ is 100 on every Linux that runs Node. */
export const TICKS_PER_SECOND = 100;

/** More than the longest line there is. */
const LINE = Buffer.allocUnsafe(4_096);
const [SPACE, PARENTHESIS, ZERO] = [0x20, 0x29, 0x30];
const RSS = 24;
/** By the numbers that proc(5) gives them. Kept, as the line is: hundreds of processes are read every few seconds. */
const FIELDS = new Float64Array(RSS + 1);

/** The pids of all processes of the machine; null where there is no /proc (macOS, Windows). */
export function listProcessIds(): number[] | null {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return null;
  }
  const pids: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 48 && first <= 57) pids.push(Number(name));
  }
  return pids;
}

/** All processes of the machine; null where there is no /proc. */
export function readProcessTable(): ProcessRow[] | null {
  return listProcessIds()?.flatMap((pid) => readProcess(pid) ?? []) ?? null;
}

/**
 * One look at /proc for all who wait for groups to go. It may be a moment old: who lives now lived then, or descends from
 * one who did, so a group that looks empty is empty.
 */
export class SharedProcessTable {
  private rows: ProcessRow[] | null = null;
  private readAt = -Infinity;

  constructor(private readonly maxAgeMs: number) {}

  readonly read = (): ProcessRow[] | null => {
    const now = performance.now();
    if (now - this.readAt > this.maxAgeMs) {
      this.rows = readProcessTable();
      this.readAt = now;
    }
    return this.rows;
  };
}

/** Bytes of a memory page, found by comparing two views of ourselves. */
export function pageSizeBytes(): number {
  const own = readProcess(process.pid);
  if (own === null || own.rssPages === 0) return 4096;
  // The two readings differ a little; page sizes are powers of two.
  return 2 ** Math.round(Math.log2(process.memoryUsage.rss() / own.rssPages));
}

/** One process; null when it is not there, or where there is no /proc. */
export function readProcess(pid: number): ProcessRow | null {
  const length = readLine(`/proc/${pid}/stat`);
  if (length === 0) return null; // ended meanwhile
  // The name stands in parentheses and may hold anything, parentheses and spaces included: count from its end.
  const begin = LINE.lastIndexOf(PARENTHESIS, length - 1) + 2;
  const state = String.fromCharCode(LINE[begin] ?? SPACE);
  let at = begin + 2;
  for (let field = 4; field <= RSS; field++) {
    let value = 0;
    // What may be negative is not among the fields that are asked for.
    for (; at < length && LINE[at] !== SPACE; at++) value = value * 10 + (LINE[at] ?? ZERO) - ZERO;
    at++;
    FIELDS[field] = value;
  }
  return {
    pid,
    state,
    ppid: fieldOf(4),
    pgrp: fieldOf(5),
    session: fieldOf(6),
    cpuTicks: fieldOf(14) + fieldOf(15),
    startTicks: fieldOf(22),
    rssPages: fieldOf(RSS),
  };
}

function fieldOf(number: number): number {
  return FIELDS[number] ?? 0;
}

/** Reads a file's first bytes into `LINE`; gives how many there are, 0 when it can't be read. */
function readLine(path: string): number {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return 0;
  }
  try {
    return readSync(file, LINE, 0, LINE.length, null);
  } catch {
    return 0;
  } finally {
    closeSync(file);
  }
}
