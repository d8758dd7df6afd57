/**
 * A thread that reads: its own read-only connection to the database and the log file, one query at a time. The driver
 * neither yields nor can be interrupted, so every query calls `within_limit()` or `contains_text()` for each row it looks
 * at, or `mcp_rows()` for each chunk of messages, and those end it when its time is up.
 */
import { parentPort, workerData } from 'node:worker_threads';
import BetterSqlite3 from 'better-sqlite3';
import { MESSAGES_VIEW, registerChunkRows } from './chunk-rows';
import type { ReadAnswer, ReadingData, ReadRequest } from './sqlite-reader.types';

/** Rows between two looks at the clock. */
const LOOK_EVERY = 256;

class TimeIsUpError extends Error {}

const { mainFile, logFile } = workerData as ReadingData;
const database = new BetterSqlite3(mainFile, { readonly: true, fileMustExist: true, timeout: 2_000 });
database.prepare('ATTACH ? AS logs').run(logFile);

let endsAt = Infinity;
let rowsSeen = 0;
let needle = { given: '', lower: '' };

function look(): void {
  rowsSeen = (rowsSeen + 1) % LOOK_EVERY;
  if (rowsSeen === 0) lookNow();
}

function lookNow(): void {
  if (performance.now() > endsAt) throw new TimeIsUpError();
}

database.function('within_limit', { deterministic: false }, () => {
  look();
  return 1;
});

/** Whether a text holds another, case ignored as Unicode has it: SQLite's own LIKE knows A to Z alone. */
database.function('contains_text', { deterministic: false }, (text: unknown, searched: unknown) => {
  look();
  if (typeof text !== 'string') return 0;
  if (needle.given !== searched) needle = { given: String(searched), lower: String(searched).toLowerCase() };
  return text.toLowerCase().includes(needle.lower) ? 1 : 0;
});

// A chunk is hundreds of messages.
registerChunkRows(database, lookNow);
// For who looks at few columns of all of them.
database.exec(MESSAGES_VIEW);

function answer({ sql, values, limitMs, maxBytes }: ReadRequest): ReadAnswer {
  endsAt = performance.now() + limitMs;
  rowsSeen = 0;
  try {
    const statement = database.prepare(sql).raw();
    const columns = statement.columns().map(({ name }) => name);
    const flat: unknown[] = [];
    let bytes = 0;
    for (const row of statement.iterate(...values) as IterableIterator<unknown[]>) {
      for (const value of row) {
        if (typeof value === 'string') bytes += value.length;
        flat.push(value);
      }
      if (bytes > maxBytes) break;
    }
    return { columns, values: flat };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message?: unknown };
    return {
      failure: {
        isOver: error instanceof TimeIsUpError,
        code: typeof code === 'string' ? code : null,
        message: String(message),
      },
    };
  }
}

const port = parentPort;
port?.on('message', (request: ReadRequest) => {
  port.postMessage(answer(request));
});
