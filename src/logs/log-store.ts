import type { LogEntryRow, LogName } from './log-batch';

/** Where rows end: one of the databases. */
export interface LogStore {
  /**
   * Writes all rows in one transaction, numbered in the order given; a row whose id is there already is passed over, so that
   * repeating is harmless. Resolves with the number of each row, null for those passed over.
   * @throws when none of them was written, or nobody knows
   */
  write(rows: readonly LogEntryRow[]): Promise<(number | null)[]>;

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
