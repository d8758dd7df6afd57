import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThanOrEqual, MoreThan, Repository } from 'typeorm';
import { DatabaseInfo } from '../database/database-info';
import type { Tx } from '../database/transactions';
import { OperationAnchor } from './operation-anchor.entity';
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
   * Adds the next row of the chain inside `tx`: `make` gets the last row and gives the new one, `sign` the anchor of the new
   * end. Writers take turns until their transaction ends (SQLite has one writer anyway, PostgreSQL gets a lock), so the chain
   * never forks. The anchor says which row was the last one: one that somebody has cut off leaves a gap, also later. Where
   * there are rows and no anchor, somebody has taken it away, and none is made but by `signsAnew`.
   */
  async append(
    tx: Tx,
    make: (last: { seq: number; hash: string } | null) => Operation,
    sign: (row: Operation) => OperationAnchor,
    signsAnew: boolean,
  ): Promise<void> {
    await this.takeTurn(tx);
    const last = await tx
      .getRepository(Operation)
      .findOne({ select: { seq: true, hash: true }, where: {}, order: { seq: 'DESC' } });
    const end = await tx.findOneBy(OperationAnchor, { place: 'end' });
    const row = make(end !== null && end.seq > (last?.seq ?? 0) ? end : last);
    await tx.insert(Operation, row);
    if (end !== null || last === null || signsAnew) await tx.upsert(OperationAnchor, sign(row), ['place']);
  }

  /**
   * Deletes the oldest rows up to a number, at most `limit` of them, inside `tx`, and leaves the anchor that `sign` makes of
   * the last one. Returns how many.
   */
  async deleteFirst(tx: Tx, upTo: number, limit: number, sign: (last: Operation) => OperationAnchor): Promise<number> {
    await this.takeTurn(tx);
    const rows = tx.getRepository(Operation);
    const first = await rows.findOne({ select: { seq: true }, where: {}, order: { seq: 'ASC' } });
    if (first === null) return 0;
    const where = { seq: LessThanOrEqual(Math.min(upTo, first.seq + limit - 1)) };
    const last = await rows.findOne({ where, order: { seq: 'DESC' } });
    if (last === null) return 0;
    await tx.upsert(OperationAnchor, sign(last), ['place']);
    const { affected } = await rows.delete(where);
    return affected ?? 0;
  }

  async anchors(tx: Tx = this.rows.manager): Promise<Partial<Record<OperationAnchor['place'], OperationAnchor>>> {
    const all = await tx.find(OperationAnchor);
    return Object.fromEntries(all.map((anchor) => [anchor.place, anchor]));
  }

  /** The numbers of the first and the last row, and the time of the last; null when there is none. */
  async span(): Promise<{ first: number; last: number; lastAt: number } | null> {
    const end = (order: 'ASC' | 'DESC') =>
      this.rows.findOne({ select: { seq: true, at: true }, where: {}, order: { seq: order } });
    const [first, last] = [await end('ASC'), await end('DESC')];
    return first && last && { first: first.seq, last: last.seq, lastAt: last.at };
  }

  /** Number of the newest row, or 0. */
  async lastSeq(): Promise<number> {
    const last = await this.rows.findOne({ select: { seq: true }, where: {}, order: { seq: 'DESC' } });
    return last?.seq ?? 0;
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  async bounds(): Promise<{ first: number; last: number }> {
    const { first, last } = (await this.span()) ?? { first: 0, last: 0 };
    return { first, last };
  }

  /** The rows after one, in the order of the chain. */
  after(seq: number, limit: number): Promise<Operation[]> {
    return this.rows.find({ where: { seq: MoreThan(seq) }, order: { seq: 'ASC' }, take: limit });
  }

  private async takeTurn(tx: Tx): Promise<void> {
    if (this.database.type === 'postgres') await tx.query('SELECT pg_advisory_xact_lock($1)', [CHAIN_LOCK]);
  }
}
