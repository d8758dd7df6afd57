import { Injectable } from '@nestjs/common';
import {
  type Condition,
  condition,
  type LogColumn,
  type LogTable,
  pageStatement,
  boundsStatement,
  readBounds,
  readRow,
  searchCondition,
  timeRange,
  windowRange,
} from '../database/log-query';
import { type LogFilter, readPages } from '../database/log-reading';
import { Reader, type Statement } from '../database/reader';
import type { Operation } from './operation.entity';

export interface OperationFilter extends LogFilter {
  /** Id or name of who acted. */
  actor?: string;
  action?: string;
  targetId?: string;
  outcome?: string;
}

const column = (property: keyof Operation, type: LogColumn['type'], name: string = property): LogColumn => ({
  name,
  property,
  type,
});

const TABLE: LogTable = {
  name: 'operation_log',
  columns: [
    column('seq', 'integer'),
    column('id', 'text'),
    column('at', 'integer'),
    column('actorType', 'text', 'actor_type'),
    column('actorId', 'text', 'actor_id'),
    column('actorName', 'text', 'actor_name'),
    column('action', 'text'),
    column('targetType', 'text', 'target_type'),
    column('targetId', 'text', 'target_id'),
    column('targetName', 'text', 'target_name'),
    column('outcome', 'text'),
    column('status', 'integer'),
    column('ip', 'text'),
    column('requestId', 'text', 'request_id'),
    column('changes', 'text'),
    column('prevHash', 'text', 'prev_hash'),
    column('hash', 'text'),
  ],
  searched: ['action', 'actor_name', 'target_name', 'changes'],
};
/** What an operation takes beside its changes. */
const ROW_BYTES = 500;

/** Reads the operation log for those who look through it, in the threads or at the server that the reader has for it. */
@Injectable()
export class OperationListRepository {
  constructor(private readonly reader: Reader) {}

  /** One row more than `limit`, so that the caller knows whether there is a next page. @throws QueryTooSlowError */
  async list(filter: OperationFilter): Promise<Operation[]> {
    const rows = await this.reader.query(this.statement(filter));
    // The columns are those of the row, by the list above.
    return rows.map((row) => readRow(TABLE, row) as unknown as Operation);
  }

  /** How `list` asks for a page: for it, and for who measures it. */
  statement(filter: OperationFilter): Statement {
    const { actor, action, targetId, outcome, search } = filter;
    const { dialect } = this.reader;
    const conditions = [
      ...seqRange(filter),
      ...windowRange(filter),
      ...timeRange(filter),
      ...(targetId === undefined ? [] : [condition('target_id = ?', targetId)]),
      ...(action === undefined ? [] : [condition('action = ?', action)]),
      ...(outcome === undefined ? [] : [condition('outcome = ?', outcome)]),
      ...(actor === undefined ? [] : [condition('(actor_id = ? OR actor_name = ?)', actor, actor)]),
      ...(search === undefined ? [] : [searchCondition(TABLE.searched, search, dialect)]),
    ];
    return pageStatement(TABLE, dialect, filter, conditions, indexFor(filter));
  }

  /** All rows that match, page by page; what comes meanwhile is not among them. */
  iterate(filter: Omit<OperationFilter, 'limit'>): AsyncGenerator<Operation[]> {
    return readPages({
      order: filter.order,
      bounds: async () => readBounds(await this.reader.query(boundsStatement(TABLE.name, []))),
      page: (window, limit) => this.list({ ...filter, window, limit: limit - 1 }),
      sizeOf: ({ changes }) => ROW_BYTES + (changes?.length ?? 0),
    });
  }
}

/**
 * The limits of a time as limits of `seq`, whatever the clock did: no row of the time is outside of them. One index has all
 * that it takes.
 */
function seqRange({ from, to }: OperationFilter): Condition[] {
  const edge = (which: string, comparison: string) =>
    `(SELECT ${which}(seq) FROM operation_log WHERE at ${comparison} ?)`;
  return [
    ...(from === undefined ? [] : [condition(`seq >= ${edge('min', '>=')}`, from)]),
    ...(to === undefined ? [] : [condition(`seq <= ${edge('max', '<')}`, to)]),
  ];
}

/** Along the primary key, where nothing leads to fewer rows in the same order. */
function indexFor({ targetId, action }: OperationFilter): string {
  if (targetId !== undefined) return 'ix_operation_log_target_seq';
  return action === undefined ? 'sqlite_autoindex_operation_log_1' : 'ix_operation_log_action_seq';
}
