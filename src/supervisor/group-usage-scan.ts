import { setImmediate as turn } from 'node:timers/promises';
import { listProcessIds, type ProcessRow, readProcess } from './process-table';

/** Processes read before the event loop gets a turn: about 1 ms. */
const SLICE = 50;
/** Every so many looks all processes are read, not only those that may be ours. */
const FULL_LOOK_EVERY = 12;

/**
 * Looks for the members of process groups again and again, and reads as little as it can: the list of pids, our members,
 * and what is new. A process of somebody else stays one: it can't join a group of another session, and a pid that was gone
 * at a look counts as new when it is seen again. All are read once a minute nevertheless.
 */
export class GroupUsageScan {
  private foreign = new Set<number>();
  private looks = 0;

  /** The living and the dead (zombies) of these groups; null where the system shows no processes. */
  async members(groups: ReadonlySet<number>): Promise<ProcessRow[] | null> {
    const pids = listProcessIds();
    if (pids === null) return null;
    const known = this.looks++ % FULL_LOOK_EVERY === 0 ? new Set<number>() : this.foreign;
    const foreign = new Set<number>();
    const members: ProcessRow[] = [];
    let read = 0;
    for (const pid of pids) {
      if (known.has(pid) && !groups.has(pid)) {
        foreign.add(pid);
        continue;
      }
      if (++read % SLICE === 0) await turn();
      const row = readProcess(pid);
      if (row === null) continue;
      if (groups.has(row.pgrp)) members.push(row);
      else foreign.add(pid);
    }
    this.foreign = foreign;
    return members;
  }
}
