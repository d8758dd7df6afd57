import { Injectable } from '@nestjs/common';
import { Reader, type Statement } from '../database/reader';
import { messagesOfChunks } from './chunk-conditions';

/** The three logs, as the API names them. */
export const LOG_KINDS = ['system', 'operations', 'mcp'] as const;
export type LogKind = (typeof LOG_KINDS)[number];

/** Counting a million rows of a cold file takes seconds. */
const COUNT_LIMIT_MS = 30_000;
const TABLES: Readonly<Record<LogKind, string>> = {
  system: 'system_log',
  operations: 'operation_log',
  mcp: 'mcp_log',
};

export interface LogSpan {
  /** About so many: numbers of rows that are gone from the middle count as well. */
  rows: number;
  first: number;
  /** Time of the row that was written last, in epoch milliseconds. */
  newestAt: number;
}

/** Asks how old the rows of a log are, beside the event loop. */
@Injectable()
export class LogAgesRepository {
  constructor(private readonly reader: Reader) {}

  /** Null where there is no row. */
  async span(log: LogKind): Promise<LogSpan | null> {
    const [row] = await this.reader.query(this.hasChunks(log) ? spanOfChunks() : spanOfRows(TABLES[log]));
    if (row === undefined || row['first'] === null) return null;
    const [first, last] = [Number(row['first']), Number(row['last'])];
    return { rows: last - first + 1, first, newestAt: Number(row['newest']) };
  }

  /** How many messages or lines are of before a time. */
  countBefore(log: Exclude<LogKind, 'operations'>, before: number): Promise<number> {
    return this.hasChunks(log) ? this.countInChunks(before) : this.count(log, 'at < ?', before);
  }

  /** How many operations there are up to a number. */
  countOperations(upTo: number): Promise<number> {
    return this.count('operations', 'seq <= ?', upTo);
  }

  /**
   * The last operation before the first one that is not of before a time: what is deleted must be a beginning of the chain.
   * What a clock that was ahead has written (after `now`) is as old as its neighbours.
   */
  async operationsBefore(before: number, now: number): Promise<number> {
    const [row] = await this.reader.query(
      {
        sql: `SELECT COALESCE((SELECT min(seq) - 1 FROM operation_log WHERE at >= ? AND at <= ?),
          (SELECT max(seq) FROM operation_log), 0) AS seq`,
        values: [before, now],
      },
      { limitMs: COUNT_LIMIT_MS },
    );
    return Number(row?.['seq'] ?? 0);
  }

  private hasChunks(log: LogKind): boolean {
    return log === 'mcp' && this.reader.dialect === 'sqlite';
  }

  /** Only those chunks are unpacked that are not all before it. */
  private async countInChunks(before: number): Promise<number> {
    const query = { to: before, payload: false };
    const [row] = await this.reader.query(
      {
        sql: `SELECT COALESCE((SELECT sum(rows) FROM mcp_chunk NOT INDEXED WHERE within_limit() AND max_at < ?), 0) +
          (SELECT count(*) FROM ${messagesOfChunks(query)} WHERE within_limit() AND c.max_at >= ? AND c.min_at < ?) AS n`,
        values: [before, JSON.stringify(query), before, before],
      },
      { limitMs: COUNT_LIMIT_MS },
    );
    return Number(row?.['n'] ?? 0);
  }

  private async count(log: LogKind, where: string, value: number): Promise<number> {
    const ended = this.reader.dialect === 'sqlite' ? 'within_limit() AND' : '';
    const [row] = await this.reader.query(
      { sql: `SELECT count(*) AS n FROM ${TABLES[log]} WHERE ${ended} ${where}`, values: [value] },
      { limitMs: COUNT_LIMIT_MS },
    );
    return Number(row?.['n'] ?? 0);
  }
}

function spanOfRows(table: string): Statement {
  const newest = `SELECT at FROM ${table} ORDER BY seq DESC LIMIT 1`;
  return { sql: `SELECT min(seq) AS first, max(seq) AS last, (${newest}) AS newest FROM ${table}`, values: [] };
}

function spanOfChunks(): Statement {
  const query = { order: 'desc', payload: false } as const;
  const newest = `SELECT m.at FROM ${messagesOfChunks(query)} ORDER BY c.first DESC LIMIT 1`;
  return {
    sql: `SELECT (SELECT min(first) FROM mcp_chunk) AS first,
      (SELECT last FROM mcp_chunk ORDER BY first DESC LIMIT 1) AS last, (${newest}) AS newest`,
    values: [JSON.stringify(query)],
  };
}
