import type { TrafficRecord } from '../mcp/traffic';
import type { CarriedPayload } from './payload-cap';

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

/** How many values a message is on its way to the writer. */
const WIDTH = 16;

/** Appends a message to a flat list of values: cloning one such list costs half of cloning objects. */
export function packRecord(into: unknown[], id: string, record: TrafficRecord, payload: CarriedPayload | null): void {
  into.push(
    id,
    record.at,
    record.toolId,
    record.toolName,
    record.sessionId,
    record.client,
    record.direction,
    record.kind,
    record.method,
    record.target,
    record.rpcId,
    record.outcome,
    record.durationMs,
    record.sizeBytes,
    payload?.head ?? null,
    payload?.tail ?? null,
  );
}

export interface PackedRecord extends Omit<TrafficRecord, 'payload'> {
  id: string;
  payload: CarriedPayload | null;
}

/** The messages of a list that `packRecord` has made. */
export function* unpackRecords(values: readonly unknown[]): Generator<PackedRecord> {
  for (let start = 0; start < values.length; start += WIDTH) {
    const head = values[start + 14] as string | null;
    yield {
      id: values[start] as string,
      at: values[start + 1] as number,
      toolId: values[start + 2] as string,
      toolName: values[start + 3] as string,
      sessionId: values[start + 4] as string | null,
      client: values[start + 5] as string | null,
      direction: values[start + 6] as TrafficRecord['direction'],
      kind: values[start + 7] as TrafficRecord['kind'],
      method: values[start + 8] as string | null,
      target: values[start + 9] as string | null,
      rpcId: values[start + 10] as TrafficRecord['rpcId'],
      outcome: values[start + 11] as TrafficRecord['outcome'],
      durationMs: values[start + 12] as number | null,
      sizeBytes: values[start + 13] as number,
      payload: head === null ? null : { head, tail: values[start + 15] as string | null },
    };
  }
}
