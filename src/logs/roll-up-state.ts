import type { LogEntryRow, LogName } from './log-batch';
import { RollUpBatch } from './roll-up-batch';
import { RollUpKeys } from './roll-up-keys';

/** Rows that are counted at once. */
export const ROLL_UP_ROWS = 5_000;
/** So many counted rows wait at most: the rest is read from the table once those are written down. */
const MOST_WAITING = 4 * ROLL_UP_ROWS;

/** Rows of a log that are committed and counted, but not written down yet. */
interface Counted {
  /** Number of the last one counted. */
  upTo: number;
  /** The number that the next row gets, if none was missed. */
  next: number;
}

/**
 * What a store remembers between two roll-ups. Rows are counted as they are committed, so that they need not be read again;
 * where that was missed (a start after a kill, a table that was there before the roll-ups), they are read.
 */
export class RollUpState {
  readonly keys = new RollUpKeys();
  batch = new RollUpBatch();
  private readonly counted: Record<LogName, Counted>;

  constructor(marks: Record<LogName, number>, next: Record<LogName, number>) {
    this.counted = {
      mcp: { upTo: marks.mcp, next: marks.mcp + 1 === next.mcp ? next.mcp : 0 },
      system: { upTo: marks.system, next: marks.system + 1 === next.system ? next.system : 0 },
    };
  }

  upTo(log: LogName): number {
    return this.counted[log].upTo;
  }

  /** Whether rows of a log must be read before those to come can be counted as they pass. */
  isBehind(log: LogName): boolean {
    return this.counted[log].next === 0;
  }

  /** Counts the rows of a commit; `before` and `after`: the next number of each log before and after it. */
  note(
    rows: readonly LogEntryRow[],
    numbers: readonly (number | null)[],
    before: Record<LogName, number>,
    after: Record<LogName, number>,
  ): void {
    const isFull = this.isFull;
    for (const log of ['mcp', 'system'] as const) this.goOn(log, before[log], after[log], isFull);
    for (const [index, row] of rows.entries()) {
      const seq = numbers[index] ?? null;
      if (seq === null || this.isBehind(row.log)) continue;
      this.batch.add(row);
      this.counted[row.log].upTo = seq;
    }
  }

  /** As `note`, of messages alone, which `count` adds. */
  noteMessages(count: (batch: RollUpBatch) => void, before: number, after: number): void {
    this.goOn('mcp', before, after, this.isFull);
    if (before === after || this.isBehind('mcp')) return;
    count(this.batch);
    this.counted.mcp.upTo = after - 1;
  }

  private get isFull(): boolean {
    return this.batch.size >= MOST_WAITING;
  }

  private goOn(log: LogName, before: number, after: number, isFull: boolean): void {
    const counted = this.counted[log];
    if (before !== after) counted.next = counted.next === before && !isFull ? after : 0;
  }

  /** Counts rows that were read; `isLast`: there is none after them. */
  noteRead(log: LogName, rows: readonly (LogEntryRow & { seq: number })[], next: number, isLast: boolean): void {
    for (const row of rows) {
      this.batch.add(row);
      this.counted[log].upTo = row.seq;
    }
    if (isLast) this.counted[log].next = next;
  }

  /** All that was counted is written down. */
  written(): void {
    this.batch = new RollUpBatch();
    this.keys.forgetOld();
  }
}
