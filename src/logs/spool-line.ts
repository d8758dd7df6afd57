import { crc32 } from 'node:zlib';
import type { LogEntryRow } from './log-batch';

/**
 * A row as one line of the spool: its CRC32 in hexadecimal, a space, JSON. JSON has no line ends of its own, so a line that
 * is damaged never hides the next one.
 */
export function toSpoolLine({ log, values }: LogEntryRow): string {
  const json = JSON.stringify([log, ...values]);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
}

/** Null for a line that is not as it was written. */
export function readSpoolLine(line: string): LogEntryRow | null {
  const json = line.slice(9);
  if (line[8] !== ' ' || crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8)) return null;
  // The checksum proves that it is what `toSpoolLine` wrote.
  const [log, ...values] = JSON.parse(json) as [LogEntryRow['log'], ...LogEntryRow['values']];
  return { log, values };
}
