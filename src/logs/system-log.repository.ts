import { Injectable } from '@nestjs/common';
import {
  betweenStatement,
  boundsStatement,
  condition,
  type LogTable,
  pageStatement,
  readBounds,
  readRow,
  searchCondition,
  type SeqRange,
  seqRange,
  timeRange,
  windowRange,
} from '../database/log-query';
import { type LogFilter, readPages, type SeqWindow } from '../database/log-reading';
import { Reader } from '../database/reader';
import { SYSTEM_COLUMNS } from './log-columns';
import type { SystemLogRow } from './system-log.entity';

export interface SystemLogFilter extends LogFilter {
  /** This severity and worse. */
  minSeverity?: number;
  context?: string;
}

const TABLE: LogTable = { name: 'system_log', columns: SYSTEM_COLUMNS, searched: ['message', 'data'] };
/** What a line takes beside its texts. */
const ROW_BYTES = 300;
/** With fewer lines than this of a severity, all of them may be looked at. */
const RARE = 2_000;

/** Reads the system's own log, in the threads or at the server that the reader has for it. */
@Injectable()
export class SystemLogRepository {
  constructor(private readonly reader: Reader) {}

  /** One row more than `limit`, so that the caller knows whether there is a next page. @throws QueryTooSlowError */
  async list(filter: SystemLogFilter): Promise<SystemLogRow[]> {
    const { context, minSeverity, search } = filter;
    const { dialect } = this.reader;
    const conditions = [
      ...seqRange(TABLE.name, filter),
      ...windowRange(filter),
      ...timeRange(filter),
      ...(context === undefined ? [] : [condition('context = ?', context)]),
      ...(minSeverity === undefined ? [] : [condition('severity >= ?', minSeverity)]),
      ...(search === undefined ? [] : [searchCondition(TABLE.searched, search, dialect)]),
    ];
    const rows = await this.reader.query(pageStatement(TABLE, dialect, filter, conditions, await this.index(filter)));
    // The columns are those of the row, by the list that both are made from.
    return rows.map((row) => readRow(TABLE, row) as unknown as SystemLogRow);
  }

  /** The rows after one, up to another one, in the order of their commits. */
  async between(range: SeqRange): Promise<SystemLogRow[]> {
    const rows = await this.reader.query(betweenStatement(TABLE, this.reader.dialect, range));
    return rows.map((row) => readRow(TABLE, row) as unknown as SystemLogRow);
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  async bounds(): Promise<SeqWindow> {
    return readBounds(await this.reader.query(boundsStatement(TABLE.name, []))) ?? { first: 0, last: 0 };
  }

  /** All rows that match, page by page; what comes meanwhile is not among them. */
  iterate(filter: Omit<SystemLogFilter, 'limit'>): AsyncGenerator<SystemLogRow[]> {
    return readPages({
      order: filter.order,
      bounds: async () =>
        readBounds(await this.reader.query(boundsStatement(TABLE.name, seqRange(TABLE.name, filter)))),
      page: (window, limit) => this.list({ ...filter, window, limit: limit - 1 }),
      sizeOf: ({ message, data }) => ROW_BYTES + message.length + (data?.length ?? 0),
    });
  }

  /**
   * The index to walk along, or none. Lines of a high severity are few: they are found by it, and put into order, where
   * walking along all lines would look at each. SQLite is asked whether they are few.
   */
  private async index({ context, minSeverity, ...range }: SystemLogFilter): Promise<string | undefined> {
    if (context !== undefined) return 'ix_system_log_context_seq';
    if (minSeverity === undefined || this.reader.dialect !== 'sqlite') return undefined;
    const conditions = [condition('severity >= ?', minSeverity), ...seqRange(TABLE.name, range), ...windowRange(range)];
    const [row] = await this.reader.query({
      sql: `SELECT count(*) AS n FROM (SELECT 1 FROM system_log INDEXED BY ix_system_log_severity_seq
        WHERE ${conditions.map(({ sql }) => sql).join(' AND ')} LIMIT ${RARE})`,
      values: conditions.flatMap(({ values }) => values),
    });
    return Number(row?.['n']) < RARE ? 'ix_system_log_severity_seq' : undefined;
  }
}
