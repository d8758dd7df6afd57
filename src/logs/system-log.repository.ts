import { Injectable } from '@nestjs/common';
import {
  betweenStatement,
  condition,
  type LogTable,
  pageStatement,
  readBounds,
  readRow,
  searchCondition,
  type SeqBounds,
  type SeqRange,
  seqRange,
  timeRange,
} from '../database/log-query';
import type { LogFilter } from '../database/log-reading';
import { Reader } from '../database/reader';
import { SYSTEM_COLUMNS } from './log-columns';
import type { SystemLogRow } from './system-log.entity';

export interface SystemLogFilter extends LogFilter {
  /** This severity and worse. */
  minSeverity?: number;
  context?: string;
}

const TABLE: LogTable = { name: 'system_log', columns: SYSTEM_COLUMNS, searched: ['message', 'data'] };

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
      ...timeRange(filter),
      ...(context === undefined ? [] : [condition('context = ?', context)]),
      ...(minSeverity === undefined ? [] : [condition('severity >= ?', minSeverity)]),
      ...(search === undefined ? [] : [searchCondition(TABLE.searched, search, dialect)]),
    ];
    const index = context === undefined ? undefined : 'ix_system_log_context_seq';
    const rows = await this.reader.query(pageStatement(TABLE, dialect, filter, conditions, index));
    // The columns are those of the row, by the list that both are made from.
    return rows.map((row) => readRow(TABLE, row) as unknown as SystemLogRow);
  }

  /** The rows after one, up to another one, in the order of their commits. */
  async between(range: SeqRange): Promise<SystemLogRow[]> {
    const rows = await this.reader.query(betweenStatement(TABLE, this.reader.dialect, range));
    return rows.map((row) => readRow(TABLE, row) as unknown as SystemLogRow);
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  bounds(): Promise<SeqBounds> {
    return readBounds(this.reader, TABLE);
  }
}
