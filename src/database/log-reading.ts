/** What every log can be asked for; its rows have `seq` (order of commits) and `at` (epoch milliseconds). */
export interface LogFilter {
  from?: number;
  to?: number;
  search?: string;
  order: 'asc' | 'desc';
  /** Sequence number behind which the page begins. */
  after?: number;
  limit: number;
  /** The only sequence numbers that are looked at. */
  window?: SeqWindow;
}

/** From the first to the last one, both included. */
export interface SeqWindow {
  first: number;
  last: number;
}

/** Numbers that one query looks at: a search that finds nothing must not run into its limit of time. */
const WINDOW = 50_000;
/** What a page takes in memory, roughly; and its rows at first, when their size is not known. */
const PAGE_BYTES = 256 * 1024;
const FIRST_ROWS = 50;
const MOST_ROWS = 250;

/** How to read a log page by page. */
export interface LogPages<R> {
  order: 'asc' | 'desc';
  /** Numbers of the first and the last row there are; null: none. */
  bounds: () => Promise<SeqWindow | null>;
  /** The rows of a window that match, the nearest ones first. */
  page: (window: SeqWindow, limit: number) => Promise<R[]>;
  sizeOf: (row: R) => number;
}

/**
 * All rows of a log that match, however many, a page in memory at a time. Each page is a query of its own: one that is held
 * open would keep SQLite's WAL growing. What is written meanwhile is not among them.
 */
export async function* readPages<R extends { seq: number }>(pages: LogPages<R>): AsyncGenerator<R[]> {
  const bounds = await pages.bounds();
  if (bounds === null) return;
  let limit = FIRST_ROWS;
  for (const window of windowsOf(bounds, pages.order)) {
    for (let rest: SeqWindow | null = window; rest !== null;) {
      const rows = await pages.page(rest, limit);
      const last = rows.at(-1);
      rest = last === undefined ? null : behind(rest, last.seq, pages.order);
      if (last === undefined) continue;
      const bytes = rows.reduce((sum, row) => sum + pages.sizeOf(row), 0);
      yield rows;
      limit = Math.max(1, Math.min(MOST_ROWS, Math.floor((rows.length * PAGE_BYTES) / Math.max(1, bytes))));
    }
  }
}

function* windowsOf({ first, last }: SeqWindow, order: 'asc' | 'desc'): Generator<SeqWindow> {
  if (order === 'asc') {
    for (let from = first; from <= last; from += WINDOW) yield { first: from, last: Math.min(last, from + WINDOW - 1) };
  } else {
    for (let to = last; to >= first; to -= WINDOW) yield { first: Math.max(first, to - WINDOW + 1), last: to };
  }
}

function behind({ first, last }: SeqWindow, seq: number, order: 'asc' | 'desc'): SeqWindow | null {
  const rest = order === 'asc' ? { first: seq + 1, last } : { first, last: seq - 1 };
  return rest.first > rest.last ? null : rest;
}
