import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { INSTANCE_MARKER } from './child-environment';

/** How long processes may take to vanish after SIGKILL. */
const KILL_LIMIT_MS = 5_000;
const POLL_MS = 20;
/** Reads of /proc under way at once: the event loop goes on meanwhile. */
const PARALLEL_READS = 16;

/**
 * The pids of living processes whose environment carries our marker, those that left their group and session included.
 * `prefix` is the beginning of the marker's value. Empty where there is no /proc.
 */
export async function findMarked(prefix: string): Promise<number[]> {
  let pids: number[];
  try {
    pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
  const needle = Buffer.from(`${INSTANCE_MARKER}=${prefix}`);
  const found: number[] = [];
  for (let start = 0; start < pids.length; start += PARALLEL_READS) {
    const verdicts = await Promise.all(
      pids.slice(start, start + PARALLEL_READS).map(async (pid) => ((await carries(pid, needle)) ? pid : null)),
    );
    found.push(...verdicts.filter((pid) => pid !== null));
  }
  return found.filter((pid) => pid !== process.pid);
}

/** Kills all marked processes and waits until none is left, or for 5 s: resolves with whom it killed and who still is there. */
export async function killMarked(prefix: string): Promise<{ killed: number[]; left: number[] }> {
  const killed = new Set<number>();
  const until = performance.now() + KILL_LIMIT_MS;
  for (;;) {
    // Again and again: one that forks while it is looked for has a child that carries the marker too.
    const marked = await findMarked(prefix);
    if (marked.length === 0 || performance.now() > until) return { killed: [...killed], left: marked };
    for (const pid of marked) {
      killed.add(pid);
      kill(pid);
    }
    await delay(POLL_MS);
  }
}

async function carries(pid: number, needle: Buffer): Promise<boolean> {
  try {
    // A zombie's environment is empty: it is dead, only its parent has not looked yet.
    const environment = await readFile(`/proc/${pid}/environ`);
    for (let at = environment.indexOf(needle); at >= 0; at = environment.indexOf(needle, at + 1)) {
      // The name begins the environment or follows the NUL that ends the entry before it.
      if (at === 0 || environment[at - 1] === 0) return true;
    }
    return false;
  } catch {
    return false; // ended meanwhile, or of another user
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}
