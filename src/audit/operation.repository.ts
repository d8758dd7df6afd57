import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Repository } from 'typeorm';
import { DatabaseInfo } from '../database/database-info';
import type { Tx } from '../database/transactions';
import { Operation } from './operation.entity';

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

  /** Number of the newest row, or 0. */
  async lastSeq(): Promise<number> {
    const last = await this.rows.findOne({ select: { seq: true }, where: {}, order: { seq: 'DESC' } });
    return last?.seq ?? 0;
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  async bounds(): Promise<{ first: number; last: number }> {
    const first = await this.rows.findOne({ select: { seq: true }, where: {}, order: { seq: 'ASC' } });
    return { first: first?.seq ?? 0, last: await this.lastSeq() };
  }

  /** The rows after one, in the order of the chain. */
  after(seq: number, limit: number): Promise<Operation[]> {
    return this.rows.find({ where: { seq: MoreThan(seq) }, order: { seq: 'ASC' }, take: limit });
  }
}
