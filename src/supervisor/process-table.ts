import { readdirSync, readFileSync } from 'node:fs';

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
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null; // ended meanwhile
  }
  // The name stands in parentheses and may hold anything, parentheses and spaces included: count from its end.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => fields[number - 3] ?? '';
  return {
    pid,
    state: field(3),
    ppid: Number(field(4)),
    pgrp: Number(field(5)),
    session: Number(field(6)),
    cpuTicks: Number(field(14)) + Number(field(15)),
    startTicks: Number(field(22)),
    rssPages: Number(field(24)),
  };
}
