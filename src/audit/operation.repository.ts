import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Brackets, Repository, type SelectQueryBuilder } from 'typeorm';
import { DatabaseInfo } from '../database/database-info';
import { searchPattern } from '../database/search-pattern';
import type { Tx } from '../database/transactions';
import { Operation } from './operation.entity';

export interface OperationFilter {
  from?: number;
  to?: number;
  search?: string;
  actor?: string;
  action?: string;
  targetId?: string;
  outcome?: string;
  order: 'asc' | 'desc';
  /** Sequence number behind which the page begins. */
  after?: number;
  limit: number;
}

/** Any number that nothing else in the database uses for advisory locks. */
const CHAIN_LOCK = 7_262_020;

@Injectable()
export class OperationRepository {
  constructor(
    @InjectRepository(Operation) private readonly rows: Repository<Operation>,
    private readonly database: DatabaseInfo,
  ) {}

  /**
   * Adds the next row of the chain inside `tx`: `make` gets the last row and gives the new one. Writers take turns until
   * their transaction ends (SQLite has one writer anyway, PostgreSQL gets a lock), so the chain never forks.
   */
  async append(tx: Tx, make: (last: { seq: number; hash: string } | null) => Operation): Promise<void> {
    if (this.database.type === 'postgres') await tx.query('SELECT pg_advisory_xact_lock($1)', [CHAIN_LOCK]);
    const last = await tx
      .getRepository(Operation)
      .findOne({ select: { seq: true, hash: true }, where: {}, order: { seq: 'DESC' } });
    await tx.insert(Operation, make(last));
  }

  /** One row more than `limit`, so that the caller knows whether there is a next page. */
  async list(filter: OperationFilter): Promise<Operation[]> {
    const descending = filter.order === 'desc';
    const query = this.rows
      .createQueryBuilder('o')
      .orderBy('o.seq', descending ? 'DESC' : 'ASC')
      .limit(filter.limit + 1);
    if (filter.after !== undefined) query.andWhere(`o.seq ${descending ? '<' : '>'} :after`, { after: filter.after });
    if (filter.from !== undefined) query.andWhere('o.at >= :from', { from: filter.from });
    if (filter.to !== undefined) query.andWhere('o.at < :to', { to: filter.to });
    if (filter.action !== undefined) query.andWhere('o.action = :action', { action: filter.action });
    if (filter.targetId !== undefined) query.andWhere('o.targetId = :targetId', { targetId: filter.targetId });
    if (filter.outcome !== undefined) query.andWhere('o.outcome = :outcome', { outcome: filter.outcome });
    if (filter.actor !== undefined) {
      query.andWhere('(o.actorId = :actor OR o.actorName = :actor)', { actor: filter.actor });
    }
    if (filter.search !== undefined) addSearch(query, filter.search);
    return query.getMany();
  }
}

function addSearch(query: SelectQueryBuilder<Operation>, search: string): void {
  query.andWhere(
    new Brackets((or) => {
      for (const column of ['action', 'actorName', 'targetName', 'changes']) {
        or.orWhere(`LOWER(o.${column}) LIKE LOWER(:search) ESCAPE '!'`, { search: searchPattern(search) });
      }
    }),
  );
}
