import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { type LogFilter, logPage } from '../database/log-reading';
import { SystemLogRow } from './system-log.entity';

export interface SystemLogFilter extends LogFilter {
  /** This severity and worse. */
  minSeverity?: number;
  context?: string;
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
  list(filter: SystemLogFilter): Promise<SystemLogRow[]> {
    const { context, minSeverity } = filter;
    const query = logPage(this.rows, filter, { equal: { context }, searched: ['message', 'data'] });
    if (minSeverity !== undefined) query.andWhere('row.severity >= :min', { min: minSeverity });
    return query.getMany();
  }
}
