import { Brackets, type ObjectLiteral, type Repository, type SelectQueryBuilder } from 'typeorm';
import { searchPattern } from './search-pattern';

/** What every log can be asked for; its rows have `seq` (order of commits) and `at` (epoch milliseconds). */
export interface LogFilter {
  from?: number;
  to?: number;
  search?: string;
  order: 'asc' | 'desc';
  /** Sequence number behind which the page begins. */
  after?: number;
  limit: number;
}

/**
 * A page of a log as a query to be narrowed further: keyset by `seq`, one row more than `limit` so that the caller knows
 * whether there is a next page. `equal` compares columns (undefined: any), `searched` names those a search looks into.
 */
export function logPage<R extends ObjectLiteral>(
  rows: Repository<R>,
  filter: LogFilter,
  columns: { equal: Record<string, unknown>; searched: readonly string[] },
): SelectQueryBuilder<R> {
  const descending = filter.order === 'desc';
  const query = rows
    .createQueryBuilder('row')
    .orderBy('row.seq', descending ? 'DESC' : 'ASC')
    .limit(filter.limit + 1);
  if (filter.after !== undefined) query.andWhere(`row.seq ${descending ? '<' : '>'} :after`, { after: filter.after });
  if (filter.from !== undefined) query.andWhere('row.at >= :from', { from: filter.from });
  if (filter.to !== undefined) query.andWhere('row.at < :to', { to: filter.to });
  for (const [column, value] of Object.entries(columns.equal)) {
    if (value !== undefined) query.andWhere(`row.${column} = :${column}`, { [column]: value });
  }
  if (filter.search !== undefined) query.andWhere(containing(columns.searched, filter.search));
  return query;
}

function containing(columns: readonly string[], search: string): Brackets {
  return new Brackets((or) => {
    for (const column of columns) {
      or.orWhere(`LOWER(row.${column}) LIKE LOWER(:search) ESCAPE '!'`, { search: searchPattern(search) });
    }
  });
}
