import { readFileSync, readlinkSync } from 'node:fs';
import { readProcess, TICKS_PER_SECOND } from './process-table';

/**
 * Names the time and place in which process numbers mean something: this boot of the machine, this pid namespace, and
 * the life of its first process. The boot id alone would not do: a container that is started anew has the same one, and
 * counts its processes from 1 again. Null where the system does not tell (no /proc).
 */
export function machineLife(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const namespace = readlinkSync('/proc/self/ns/pid');
    // Hidden from ordinary users where /proc is mounted with hidepid; then the two others have to do.
    const first = readProcess(1)?.startTicks ?? '?';
    return `${boot} ${namespace} ${first}`;
  } catch {
    return null;
  }
}

/**
 * Now, on the clock of a process's start time, rounded down; null where there is no /proc. Where /proc/uptime counts from
 * the start of a container (lxcfs) it is too low, which proves less, never more.
 */
export function ticksSinceBoot(): number | null {
  try {
    const seconds = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]);
    return Number.isFinite(seconds) ? Math.floor(seconds * TICKS_PER_SECOND) : null;
  } catch {
    return null;
  }
}
