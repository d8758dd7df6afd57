import type { LogEntryRow, LogName } from './log-batch';
import type { MessageBatch } from './message-batch';
import type { Redaction } from './redaction';

/** Where rows end: one of the databases. */
export interface LogStore {
  /**
   * Writes all rows in one transaction, numbered in the order given; a row whose id is there already is passed over, so that
   * repeating is harmless. Resolves with the number of each row, null for those passed over.
   * @throws when none of them was written, or nobody knows
   */
  write(rows: readonly LogEntryRow[]): Promise<(number | null)[]>;

  /**
   * Masks and writes all messages of a batch in one transaction, as `write` would their rows. Resolves with how many there
   * are; null: nothing was written, as this store, or this batch, wants rows (some of it may be there already).
   * @throws as `write`
   */
  writeMessages(batch: MessageBatch, redaction: Redaction): Promise<number | null>;

  /**
   * Does one bounded piece of what keeps the log small. Rows are in the roll-ups before they are deleted: while older ones
   * are not, nothing is (`isBehind`). @throws when nothing of it was done
   */
  upkeep(work: Upkeep): Promise<UpkeepDone>;

  /**
   * Adds the rows that are not in the roll-ups yet to them, up to some thousand at once; true: there are more. Rows must not
   * be deleted before they are in there.
   * @throws when none was added
   */
  rollUp(): Promise<boolean>;

  /** Rows that wait to be rolled up, of those that this store has written. */
  readonly notRolledUp: number;

  /** Whether `write` failed because of what a row says: then trying again is of no use. */
  isRefusal(error: unknown): boolean;

  close(): Promise<void>;
}

/** What keeps the logs small, in pieces between which batches are written. */
export type Upkeep =
  /** Deletes the oldest rows of a log, `limit` at most; `before` (epoch milliseconds): only those of earlier; null: any. */
  | { task: 'delete'; log: LogName; before: number | null; limit: number }
  /** Gives so many free pages of the file back to the disk. */
  | { task: 'give-back'; pages: number }
  /** Once nothing more is deleted: forgets the names of tools without rows, and empties the write-ahead log. */
  | { task: 'finish' };

export interface UpkeepDone {
  /** Nothing was deleted: older rows are not in the roll-ups yet. Ask again. */
  isBehind: boolean;
  /** Rows deleted. */
  deleted: number;
  /** How long it kept others from writing, in milliseconds. */
  tookMs: number;
  /** What MCP messages and the system log take together; an estimate on PostgreSQL. */
  storedBytes: number;
  /** Pages that hold nothing and could be given back. */
  freePages: number;
  /** Time of the oldest row of each log, in epoch milliseconds. */
  oldest: Record<LogName, number | null>;
}

/** A look at what is stored. */
export const NOTHING: Upkeep = { task: 'delete', log: 'mcp', before: null, limit: 0 };

export const TABLE_OF: Readonly<Record<LogName, string>> = { mcp: 'mcp_log', system: 'system_log' };

/** What a store remembers of one log; changes are tried on a copy and kept once they are committed. */
export interface LogState {
  nextSeq: number;
  /** Latest `at` so far, and how far any row ever fell back behind it, in milliseconds. */
  latest: number;
  backMs: number;
}

export function noteTime(state: LogState, at: number): void {
  state.backMs = Math.max(state.backMs, state.latest - at);
  state.latest = Math.max(state.latest, at);
}
