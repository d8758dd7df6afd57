import { stringify } from 'csv-stringify/sync';
import type { ExportFormat } from './log-export.dto';

/** How entries become lines. `csv` has a column for each member, named members of `actor` and `target` one for each of theirs. */
export interface EntryWriter {
  contentType: string;
  extension: string;
  /** What stands before the first entry. */
  begin: string;
  line(entry: object): string;
  /** What is said of an error after which nothing more comes; CSV has no way to say it. */
  failure(code: string, message: string): string;
}

/** The columns of each log's CSV: members of the entry, and of what is in it, by their paths. */
export const CSV_COLUMNS = {
  system: ['id', 'at', 'level', 'context', 'message', 'requestId', 'data'],
  operations: [
    ...['id', 'at', 'actor.type', 'actor.id', 'actor.name', 'action', 'target.type', 'target.id', 'target.name'],
    ...['outcome', 'status', 'ip', 'requestId', 'changes', 'prevHash', 'hash'],
  ],
  mcp: [
    ...['id', 'at', 'toolId', 'toolName', 'sessionId', 'client', 'direction', 'kind', 'method', 'target', 'rpcId'],
    ...['outcome', 'durationMs', 'sizeBytes', 'truncated', 'payload'],
  ],
} as const;
export type ExportedLog = keyof typeof CSV_COLUMNS;

export function entryWriter(log: ExportedLog, format: ExportFormat): EntryWriter {
  return format === 'csv' ? csvWriter(CSV_COLUMNS[log]) : ndjsonWriter;
}

const ndjsonWriter: EntryWriter = {
  contentType: 'application/x-ndjson',
  extension: 'ndjson',
  begin: '',
  line: (entry) => `${JSON.stringify(entry)}\n`,
  failure: (code, message) => `${JSON.stringify({ error: { code, message } })}\n`,
};

function csvWriter(columns: readonly string[]): EntryWriter {
  return {
    contentType: 'text/csv; charset=utf-8; header=present',
    extension: 'csv',
    begin: toCsv([...columns]),
    line: (entry) => toCsv(columns.map((path) => cell(entry, path))),
    failure: () => '',
  };
}

function cell(entry: object, path: string): string | number | null {
  const value = path
    .split('.')
    .reduce<unknown>((inside, name) => (inside as Record<string, unknown> | null)?.[name], entry);
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  return JSON.stringify(value);
}

/** Names and messages are given by strangers: what a spreadsheet would take for a formula begins with an apostrophe. */
function toCsv(cells: (string | number | null)[]): string {
  // A line break alone is no end of a record, but many a reader takes it for one where it isn't quoted.
  return stringify([cells], { escape_formulas: true, record_delimiter: '\r\n', quoted_match: /[\r\n]/ });
}
