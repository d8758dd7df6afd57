import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { type LogFilter, logPage } from '../database/log-reading';
import { McpLogRow } from './mcp-log.entity';

export interface McpLogFilter extends LogFilter {
  toolId?: string;
  toolName?: string;
  sessionId?: string;
  direction?: string;
  kind?: string;
  method?: string;
  target?: string;
  minDurationMs?: number;
  /** Ids of the only tools whose rows are listed. */
  scope?: string[];
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
  list(filter: McpLogFilter): Promise<McpLogRow[]> {
    const { toolId, toolName, sessionId, direction, kind, method, target, minDurationMs, scope } = filter;
    const query = logPage(this.rows, filter, {
      equal: { toolId, toolName, sessionId, direction, kind, method, target },
      searched: ['payload'],
    });
    if (minDurationMs !== undefined) query.andWhere('row.durationMs >= :min', { min: minDurationMs });
    // An empty scope is nothing, not everything.
    if (scope?.length === 0) return Promise.resolve([]);
    if (scope !== undefined) query.andWhere('row.toolId IN (:...scope)', { scope });
    return query.getMany();
  }
}
