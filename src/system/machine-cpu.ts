import { closeSync, openSync, readSync } from 'node:fs';
import { cpus } from 'node:os';

/** What all cores together have done since the machine began, in a unit of its own: only parts of it tell something. */
export interface MachineTime {
  busy: number;
  total: number;
}

/** The first line of /proc/stat (proc(5)): user, nice, system, idle, iowait, irq. */
const ALL_CORES = /^cpu +(\d+) (\d+) (\d+) (\d+) \d+ (\d+)/;
/** It is all that is asked for of a file of many kilobytes. */
const LINE = Buffer.allocUnsafe(256);

/** Reads what all cores have done. `os.cpus()` reads four files and more for it, which is why it is only the other way. */
export function machineTime(): MachineTime {
  const [, user, nice, system, idle, irq] = (ALL_CORES.exec(firstLine()) ?? []).map(Number);
  if (user === undefined || nice === undefined || system === undefined || idle === undefined || irq === undefined) {
    return machineTimeByCores();
  }
  const busy = user + nice + system + irq;
  return { busy, total: busy + idle };
}

/** The same for machines without /proc. */
export function machineTimeByCores(): MachineTime {
  const time = { busy: 0, total: 0 };
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    time.busy += busy;
    time.total += busy + times.idle;
  }
  return time;
}

function firstLine(): string {
  try {
    const file = openSync('/proc/stat', 'r');
    try {
      return LINE.toString('latin1', 0, readSync(file, LINE, 0, LINE.length, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
