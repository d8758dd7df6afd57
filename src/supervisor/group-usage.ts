import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { GroupUsageScan } from './group-usage-scan';
import { pageSizeBytes, type ProcessRow, readProcessTable, TICKS_PER_SECOND } from './process-table';

/** What a process group uses together. */
export interface GroupUsage {
  /** Percent of one core since the sample before; null at the first one. */
  cpuPercent: number | null;
  /**
   * Resident memory of all members. Pages that they share (code, what was not written since a fork) count once for each:
   * what would tell them apart (PSS of smaps_rollup) costs the kernel a walk over all page tables.
   */
  memoryBytes: number;
  processes: number;
}

interface Sample {
  /** Monotonic milliseconds. */
  at: number;
  usage: GroupUsage;
  /** CPU ticks of each member, by pid and start, at the moment since which CPU is told. */
  since: { at: number; ticks: Map<string, number> };
}

/** A sample is told for this long: the sampler takes one every 5 s. Older, or none yet: a look at /proc is taken. */
const FRESH_MS = 7_500;
/** One look that was taken because somebody asked serves all who ask for this long. */
const LOOK_MS = 1_000;
/** CPU is counted in ticks of 10 ms: over less time than this its percentage would say nothing. */
const SHORTEST_SPAN_MS = 1_000;

/** CPU and memory of process groups, read from /proc by the sampler, or when somebody asks for what it doesn't know yet. */
@Injectable()
export class GroupUsageReader {
  private readonly samples = new Map<number, Sample>();
  private readonly scan = new GroupUsageScan();
  private readonly pageBytes = pageSizeBytes();
  private look: { at: number; rows: ProcessRow[] } | null = null;

  constructor(private readonly clock: Clock) {}

  /** The last sample of a group; null where the system shows no processes, or none of this group. */
  read(pgid: number): GroupUsage | null {
    const now = this.clock.monotonic();
    const known = this.samples.get(pgid);
    if (known && now - known.at < FRESH_MS) return known.usage;
    let rows = this.look !== null && now - this.look.at < LOOK_MS ? membersOf(this.look.rows, pgid) : [];
    // It may have been started since.
    if (rows.length === 0) rows = membersOf(this.lookAround(now), pgid);
    if (rows.length === 0) {
      this.samples.delete(pgid);
      return null;
    }
    return this.take(pgid, rows, now);
  }

  /** Takes a sample of each of these groups, and forgets all others. */
  async sample(pgids: Iterable<number>): Promise<void> {
    const groups = new Set(pgids);
    const members = groups.size === 0 ? [] : await this.scan.members(groups);
    if (members === null) return;
    const now = this.clock.monotonic();
    const byGroup = new Map<number, ProcessRow[]>();
    for (const row of members) {
      const rows = byGroup.get(row.pgrp);
      if (rows) rows.push(row);
      else byGroup.set(row.pgrp, [row]);
    }
    for (const [pgid, rows] of byGroup) this.take(pgid, rows, now);
    for (const pgid of this.samples.keys()) if (!byGroup.has(pgid)) this.samples.delete(pgid);
    this.look = null;
  }

  private lookAround(now: number): ProcessRow[] {
    this.look = { at: now, rows: readProcessTable() ?? [] };
    return this.look.rows;
  }

  private take(pgid: number, rows: ProcessRow[], at: number): GroupUsage {
    const before = this.samples.get(pgid);
    const since = before?.since;
    const ticks = new Map<string, number>();
    let used = 0;
    let rssPages = 0;
    let processes = 0;
    for (const row of rows) {
      const id = `${row.pid} ${row.startTicks}`;
      ticks.set(id, row.cpuTicks);
      // Who has come since the sample before has burnt all of it since; who has ended takes the rest along.
      used += row.cpuTicks - (since?.ticks.get(id) ?? 0);
      rssPages += row.rssPages;
      if (row.state !== 'Z') processes++;
    }
    const isTooShort = since !== undefined && at - since.at < SHORTEST_SPAN_MS;
    const cpuPercent = since && !isTooShort ? percent(used, at - since.at) : (before?.usage.cpuPercent ?? null);
    const usage = {
      cpuPercent,
      memoryBytes: rssPages * this.pageBytes,
      processes,
    };
    this.samples.set(pgid, { at, usage, since: isTooShort ? since : { at, ticks } });
    return usage;
  }
}

function membersOf(rows: ProcessRow[], pgid: number): ProcessRow[] {
  return rows.filter((row) => row.pgrp === pgid);
}

function percent(ticks: number, elapsedMs: number): number {
  return Math.max(0, Math.round((ticks / TICKS_PER_SECOND / (elapsedMs / 1_000)) * 1_000) / 10);
}
