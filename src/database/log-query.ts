import type { LogFilter, SeqWindow } from './log-reading';
import type { ReadRow, SqlValue, Statement } from './reader';
import { searchPattern } from './search-pattern';

/** A column of a log and how its values come back from the drivers. */
export interface LogColumn {
  name: string;
  property: string;
  type: 'text' | 'integer' | 'real' | 'boolean';
}

export interface LogTable {
  name: string;
  columns: readonly LogColumn[];
  /** Those a text search looks into. */
  searched: readonly string[];
}

/** One `AND` of a query. */
export interface Condition {
  sql: string;
  values: readonly SqlValue[];
}

export const condition = (sql: string, ...values: SqlValue[]): Condition => ({ sql, values });

type Dialect = 'sqlite' | 'postgres';

/**
 * The limits of a time range as limits of `seq`, so that any index in the order of `seq` serves a time range as well. Rows
 * come in the order of `at` but for a clock that goes back; how far it ever went is in `log_clock`. A row before `from` by
 * more than that has a lower `seq` than every row of the range, and one after `to` by more than that a higher one.
 */
export function seqRange(table: string, { from, to }: { from?: number; to?: number }): Condition[] {
  const back = `COALESCE((SELECT back_ms FROM log_clock WHERE log = '${table}'), 0)`;
  const before = `SELECT seq FROM ${table} WHERE at < ? - ${back} ORDER BY at DESC, seq DESC LIMIT 1`;
  const after = `SELECT seq FROM ${table} WHERE at >= ? + ${back} ORDER BY at ASC, seq ASC LIMIT 1`;
  return [
    ...(from === undefined ? [] : [condition(`seq > COALESCE((${before}), 0)`, from)]),
    ...(to === undefined ? [] : [condition(`seq < COALESCE((${after}), ${Number.MAX_SAFE_INTEGER})`, to)]),
  ];
}

/** The numbers of the first and the last row of a time. */
export function boundsStatement(table: string, range: readonly Condition[]): Statement {
  const where = range.length === 0 ? '' : `WHERE ${range.map(({ sql }) => sql).join(' AND ')}`;
  const values = range.flatMap((each) => each.values);
  return {
    sql: `SELECT (SELECT seq FROM ${table} ${where} ORDER BY seq ASC LIMIT 1) AS first,
      (SELECT seq FROM ${table} ${where} ORDER BY seq DESC LIMIT 1) AS last`,
    values: [...values, ...values],
  };
}

/** What `boundsStatement` has found; null: no row. */
export function readBounds([row]: readonly ReadRow[]): SeqWindow | null {
  return (row?.['last'] ?? null) === null ? null : { first: Number(row?.['first']), last: Number(row?.['last']) };
}

/** The window that a query keeps to. */
export function windowRange({ window }: Pick<LogFilter, 'window'>): Condition[] {
  return window === undefined ? [] : [condition('seq >= ?', window.first), condition('seq <= ?', window.last)];
}

/** The time range itself. */
export function timeRange({ from, to }: { from?: number; to?: number }): Condition[] {
  return [
    ...(from === undefined ? [] : [condition('at >= ?', from)]),
    ...(to === undefined ? [] : [condition('at < ?', to)]),
  ];
}

/** Plain text anywhere in one of the columns, case ignored: A to Z always, other letters where the text has some. */
export function searchCondition(columns: readonly string[], search: string, dialect: Dialect): Condition {
  const isAscii = /^[\x20-\x7e]*$/.test(search);
  const pattern = searchPattern(search);
  // SQLite's LIKE ignores the case of A to Z by itself and is three times as fast as asking JavaScript.
  const [test, value] =
    dialect === 'postgres'
      ? [(column: string) => `${column} ILIKE ? ESCAPE '!'`, pattern]
      : isAscii
        ? [(column: string) => `${column} LIKE ? ESCAPE '!'`, pattern]
        : [(column: string) => `contains_text(${column}, ?)`, search];
  return condition(`(${columns.map(test).join(' OR ')})`, ...columns.map(() => value));
}

/** One page in the order of `seq`: keyset by `after`, one row more than `limit` says whether there is a next page. */
export function pageStatement(
  table: LogTable,
  dialect: Dialect,
  filter: Pick<LogFilter, 'order' | 'after' | 'limit'>,
  conditions: readonly Condition[],
  index?: string,
): Statement {
  const descending = filter.order === 'desc';
  const all = [
    // First, so that every row that is looked at looks at the clock.
    ...(dialect === 'sqlite' ? [condition('within_limit()')] : []),
    ...(filter.after === undefined ? [] : [condition(`seq ${descending ? '<' : '>'} ?`, filter.after)]),
    ...conditions,
  ];
  const where = all.length === 0 ? '' : `WHERE ${all.map(({ sql }) => sql).join(' AND ')}`;
  const hint = dialect === 'sqlite' ? (index === undefined ? ' NOT INDEXED' : ` INDEXED BY ${index}`) : '';
  return {
    sql: `SELECT ${selectList(table)} FROM ${table.name}${hint} ${where} ORDER BY seq ${descending ? 'DESC' : 'ASC'} LIMIT ?`,
    values: [...all.flatMap(({ values }) => values), filter.limit + 1],
  };
}

/** Rows by their numbers: after one, up to another one. */
export interface SeqRange {
  after: number;
  upTo: number;
  limit: number;
}

export function betweenStatement(table: LogTable, dialect: Dialect, { after, upTo, limit }: SeqRange): Statement {
  const page = { order: 'asc', after, limit: limit - 1 } as const;
  return pageStatement(table, dialect, page, [condition('seq <= ?', upTo)]);
}

export function selectList(table: LogTable): string {
  return table.columns.map(({ name, property }) => `${name} AS "${property}"`).join(', ');
}

/** A row as both drivers give it, made one: 64-bit integers come as text from PostgreSQL, booleans as 0 and 1 from SQLite. */
export function readRow(table: LogTable, row: ReadRow): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const { property, type } of table.columns) read[property] = readValue(row[property] ?? null, type);
  return read;
}

function readValue(value: unknown, type: LogColumn['type']): unknown {
  if (value === null || type === 'text') return value;
  return type === 'boolean' ? value === true || value === 1 : Number(value);
}
