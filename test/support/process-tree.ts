/**
 * What /proc tells about processes: the proof that nothing is left over. Linux only.
 * A zombie counts as ended: it runs nothing any more and only waits to be reaped.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Pids whose environment contains the marker, for example `MCPS_INSTANCE=<id>`; other users' processes only as root. */
export function livingProcesses(marker: string): number[] {
  return pids().filter((pid) => isLiving(pid) && (read(`/proc/${pid}/environ`) ?? '').includes(marker));
}

/** Living members of a process group. */
export function groupMembers(pgid: number): number[] {
  return pids().filter((pid) => isLiving(pid) && status(pid)?.pgid === pgid);
}

/** What the open file descriptors of a process point at; the length is their number. */
export function openFileDescriptors(pid: number = process.pid): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)];
    } catch {
      // Closed since it was listed; the descriptor of the listing itself always is.
      return [];
    }
  });
}

/**
 * How long is waited for what comes soon: less than a test may take. It only ends the wait for what never comes; a machine
 * that stalls for some seconds is no failure of ours.
 */
const PATIENCE_MS = 60_000;
/** The real ones, also while a test has fake timers. */
const { setTimeout: realTimeout, performance: realPerformance } = globalThis;
const monotonic = realPerformance.now.bind(realPerformance);

type Falsy = undefined | null | false | 0 | '';

/**
 * Polls until the condition is truthy and gives its value back. For what no event tells: other processes, files, rows.
 * A condition that throws is not fulfilled yet; its last error is told with the timeout. `timeoutMs` is for a wait that is
 * longer than others, or whose limit is what is promised.
 */
export async function waitUntil<T>(
  condition: () => T | Falsy | Promise<T | Falsy>,
  { timeoutMs = PATIENCE_MS, what }: { timeoutMs?: number; what: string },
): Promise<T> {
  const deadline = monotonic() + timeoutMs;
  for (;;) {
    let reason: string;
    let cause: unknown;
    try {
      const value = await condition();
      if (value) return value;
      reason = `the last answer was ${String(value)}`;
    } catch (error) {
      reason = `the last attempt threw: ${error instanceof Error ? error.message : String(error)}`;
      cause = error;
    }
    if (monotonic() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain until ${what} (${reason})`, { cause });
    }
    await new Promise((resolve) => realTimeout(resolve, 20));
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function isLiving(pid: number): boolean {
  const state = status(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function status(pid: number): { state: string; pgid: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // "pid (name) state ppid pgrp ...": the name may hold spaces and brackets, so we count from its last bracket.
  const [state = '', , pgid] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state, pgid: Number(pgid) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Ended meanwhile, or not ours to read.
    return undefined;
  }
}
