import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { searchPattern } from '../database/search-pattern';
import { SystemLogRow } from './system-log.entity';

export interface SystemLogFilter {
  from?: number;
  to?: number;
  search?: string;
  /** This severity and worse. */
  minSeverity?: number;
  context?: string;
  order: 'asc' | 'desc';
  /** Sequence number behind which the page begins. */
  after?: number;
  limit: number;
}

@Injectable()
export class SystemLogRepository {
  constructor(@InjectRepository(SystemLogRow) private readonly rows: Repository<SystemLogRow>) {}

  async lastSeq(): Promise<number> {
    return (await this.rows.maximum('seq')) ?? 0;
  }

  /** All rows or none. Repeating it is harmless: a commit may have succeeded although its answer was lost. */
  async insert(rows: SystemLogRow[]): Promise<void> {
    await this.rows.createQueryBuilder().insert().values(rows).orIgnore().updateEntity(false).execute();
  }

  /** One row more than `limit`, so that the caller knows whether there is a next page. */
  async list(filter: SystemLogFilter): Promise<SystemLogRow[]> {
    const descending = filter.order === 'desc';
    const query = this.rows
      .createQueryBuilder('s')
      .orderBy('s.seq', descending ? 'DESC' : 'ASC')
      .limit(filter.limit + 1);
    if (filter.after !== undefined) query.andWhere(`s.seq ${descending ? '<' : '>'} :after`, { after: filter.after });
    if (filter.from !== undefined) query.andWhere('s.at >= :from', { from: filter.from });
    if (filter.to !== undefined) query.andWhere('s.at < :to', { to: filter.to });
    if (filter.minSeverity !== undefined) query.andWhere('s.severity >= :min', { min: filter.minSeverity });
    if (filter.context !== undefined) query.andWhere('s.context = :context', { context: filter.context });
    if (filter.search !== undefined) {
      const found = (column: string) => `LOWER(s.${column}) LIKE LOWER(:search) ESCAPE '!'`;
      query.andWhere(`(${found('message')} OR ${found('data')})`, { search: searchPattern(filter.search) });
    }
    return query.getMany();
  }
}
