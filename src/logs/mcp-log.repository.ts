import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { searchPattern } from '../database/search-pattern';
import { McpLogRow } from './mcp-log.entity';

export interface McpLogFilter {
  from?: number;
  to?: number;
  search?: string;
  toolId?: string;
  toolName?: string;
  sessionId?: string;
  direction?: string;
  kind?: string;
  method?: string;
  target?: string;
  minDurationMs?: number;
  order: 'asc' | 'desc';
  /** Sequence number behind which the page begins. */
  after?: number;
  limit: number;
}

@Injectable()
export class McpLogRepository {
  constructor(@InjectRepository(McpLogRow) private readonly rows: Repository<McpLogRow>) {}

  async lastSeq(): Promise<number> {
    return (await this.rows.maximum('seq')) ?? 0;
  }

  /** All rows or none. Repeating it is harmless: a commit may have succeeded although its answer was lost. */
  async insert(rows: McpLogRow[]): Promise<void> {
    await this.rows.createQueryBuilder().insert().values(rows).orIgnore().updateEntity(false).execute();
  }

  /** One row more than `limit`, so that the caller knows whether there is a next page. */
  async list(filter: McpLogFilter): Promise<McpLogRow[]> {
    const descending = filter.order === 'desc';
    const query = this.rows
      .createQueryBuilder('m')
      .orderBy('m.seq', descending ? 'DESC' : 'ASC')
      .limit(filter.limit + 1);
    if (filter.after !== undefined) query.andWhere(`m.seq ${descending ? '<' : '>'} :after`, { after: filter.after });
    if (filter.from !== undefined) query.andWhere('m.at >= :from', { from: filter.from });
    if (filter.to !== undefined) query.andWhere('m.at < :to', { to: filter.to });
    for (const column of ['toolId', 'toolName', 'sessionId', 'direction', 'kind', 'method', 'target'] as const) {
      const value = filter[column];
      if (value !== undefined) query.andWhere(`m.${column} = :${column}`, { [column]: value });
    }
    if (filter.minDurationMs !== undefined) query.andWhere('m.durationMs >= :min', { min: filter.minDurationMs });
    if (filter.search !== undefined) {
      query.andWhere("LOWER(m.payload) LIKE LOWER(:search) ESCAPE '!'", { search: searchPattern(filter.search) });
    }
    return query.getMany();
  }
}
