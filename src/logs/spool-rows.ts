import { type LogEntryRow, type Loss, PLACE } from './log-batch';
import { lossesOf } from './losses';
import type { Spool } from './spool';
import { toSpoolLine } from './spool-line';

/** Puts rows into the spool: whole; else without their payloads; else not at all. Never throws: what is lost is told. */
export function spoolRows(spool: Spool, rows: LogEntryRow[], now: number): { kept: number; losses: Loss[] } {
  if (rows.length === 0) return { kept: 0, losses: [] };
  try {
    const whole = linesOf(rows);
    if (spool.hasRoom(whole.length, 'whole')) {
      spool.append(whole);
      return { kept: rows.length, losses: [] };
    }
    const bare = linesOf(rows.map(withoutPayload));
    if (!spool.hasRoom(bare.length, 'metadata'))
      return { kept: 0, losses: lossesOf(rows, 'spool_full', 'record', now) };
    spool.append(bare);
    return { kept: rows.length, losses: lossesOf(rows.filter(hasPayload), 'spool_full', 'payload', now) };
  } catch {
    return { kept: 0, losses: lossesOf(rows, 'disk_full', 'record', now) };
  }
}

function linesOf(rows: LogEntryRow[]): Buffer {
  return Buffer.from(rows.map(toSpoolLine).join(''));
}

function hasPayload({ log, values }: LogEntryRow): boolean {
  return log === 'mcp' && values[PLACE.payload] !== null;
}

function withoutPayload(row: LogEntryRow): LogEntryRow {
  if (!hasPayload(row)) return row;
  const values = [...row.values];
  values[PLACE.payload] = null;
  values[PLACE.truncated] = 1;
  return { log: row.log, values };
}
