export type LogName = 'mcp' | 'system';

/** Values of a row in the order of the log's columns, without `seq`. */
export type RowValues = (string | number | null)[];

/** A row as it is written and spooled. */
export interface LogEntryRow {
  log: LogName;
  values: RowValues;
}

/** Where values stand in a row; the first two in both logs, `severity` in the system's. */
export const PLACE = {
  id: 0,
  at: 1,
  severity: 2,
  toolId: 2,
  toolName: 3,
  kind: 7,
  method: 8,
  target: 9,
  outcome: 11,
  durationMs: 12,
  truncated: 14,
  payload: 15,
} as const;

/** Records that were given up, told once for each tool and reason. */
export interface Loss {
  log: LogName;
  /** Name of the tool; null in the system log. */
  tool: string | null;
  reason: LossReason;
  /** Whole records; else payloads of records that were kept. */
  what: 'record' | 'payload';
  count: number;
  /** Epoch milliseconds of the first and the last. */
  from: number;
  to: number;
}

/**
 * `queue_full`: more came than the writer could take. `spool_full`: the database was away for longer than the spool lasts.
 * `disk_full`: the spool could not be written. `refused`: the database does not take this very row. `damaged`: the spool
 * was changed by another hand.
 */
export type LossReason = 'queue_full' | 'spool_full' | 'disk_full' | 'refused' | 'damaged';
