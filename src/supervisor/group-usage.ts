import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { pageSizeBytes, readProcessTable, TICKS_PER_SECOND } from './process-table';

/** What a process group uses together. */
export interface GroupUsage {
  /** Percent of one core since the sample before; null at the first one. */
  cpuPercent: number | null;
  memoryBytes: number;
  processes: number;
}

interface Totals {
  cpuTicks: number;
  rssPages: number;
  processes: number;
}

/** One look at /proc serves all tools for this long. */
const FRESH_MS = 1_000;

/** CPU and memory of process groups, read from /proc when somebody asks. */
@Injectable()
export class GroupUsageReader {
  private current: { at: number; groups: Map<number, Totals> } | null = null;
  private previous: { at: number; groups: Map<number, Totals> } | null = null;
  private readonly pageBytes = pageSizeBytes();

  constructor(private readonly clock: Clock) {}

  /** Null where the system shows no processes, or none of this group. */
  read(pgid: number): GroupUsage | null {
    this.refresh();
    const now = this.current?.groups.get(pgid);
    if (!this.current || !now) return null;
    const before = this.previous?.groups.get(pgid);
    return {
      cpuPercent: before && this.previous ? this.percent(now, before, this.current.at - this.previous.at) : null,
      memoryBytes: now.rssPages * this.pageBytes,
      processes: now.processes,
    };
  }

  private refresh(): void {
    const at = this.clock.monotonic();
    if (this.current && at - this.current.at < FRESH_MS) return;
    const table = readProcessTable();
    if (table === null) return;
    const groups = new Map<number, Totals>();
    for (const row of table) {
      const totals = groups.get(row.pgrp) ?? { cpuTicks: 0, rssPages: 0, processes: 0 };
      totals.cpuTicks += row.cpuTicks;
      totals.rssPages += row.rssPages;
      if (row.state !== 'Z') totals.processes++;
      groups.set(row.pgrp, totals);
    }
    this.previous = this.current;
    this.current = { at, groups };
  }

  private percent(now: Totals, before: Totals, elapsedMs: number): number {
    const seconds = (now.cpuTicks - before.cpuTicks) / TICKS_PER_SECOND;
    // Members that ended take their ticks with them: never below zero.
    return Math.max(0, Math.round((seconds / (elapsedMs / 1000)) * 1000) / 10);
  }
}
