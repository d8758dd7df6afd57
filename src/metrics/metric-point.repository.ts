import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Between, In, LessThan, Repository } from 'typeorm';
import type { Tx } from '../database/transactions';
import type { StampedPoint } from './metric-point';
import { MetricPointRow } from './metric-point.entity';

/** Rows in one statement: four values each, and SQLite takes 32,766. */
const ROWS_AT_ONCE = 500;

@Injectable()
export class MetricPointRepository {
  constructor(@InjectRepository(MetricPointRow) private readonly rows: Repository<MetricPointRow>) {}

  /** Writes rows in the place of those of the same series and time. */
  async save(rows: MetricPointRow[], tx: Tx): Promise<void> {
    for (let done = 0; done < rows.length; done += ROWS_AT_ONCE) {
      await tx
        .createQueryBuilder()
        .insert()
        .into(MetricPointRow)
        .values(rows.slice(done, done + ROWS_AT_ONCE))
        .orUpdate(['data'], ['series', 'step_seconds', 'at'])
        .updateEntity(false)
        .execute();
    }
  }

  /** One series from one moment up to another, oldest first; bare values, because there may be thousands. */
  async list(series: string, stepSeconds: number, from: number, to: number): Promise<StampedPoint[]> {
    const found = await this.rows
      .createQueryBuilder('row')
      .select('row.at', 'at')
      .addSelect('row.data', 'data')
      .where({ series, stepSeconds, at: Between(from, to - 1) })
      .orderBy('row.at', 'ASC')
      .getRawMany<{ at: number | string; data: string }>();
    return found.map(({ at, data }) => [Number(at), data]);
  }

  /** All series at some moments. */
  listAt(stepSeconds: number, moments: number[]): Promise<MetricPointRow[]> {
    return this.rows.findBy({ stepSeconds, at: In(moments) });
  }

  exists(series: string, stepSeconds: number, from: number, to: number): Promise<boolean> {
    return this.rows.existsBy({ series, stepSeconds, at: Between(from, to - 1) });
  }

  /** The names of the series that have points from one moment up to another. */
  async seriesBetween(stepSeconds: number, from: number, to: number): Promise<string[]> {
    const found = await this.rows
      .createQueryBuilder('row')
      .select('row.series', 'series')
      .distinct(true)
      .where({ stepSeconds, at: Between(from, to - 1) })
      .getRawMany<{ series: string }>();
    return found.map(({ series }) => series);
  }

  /** Beginning of the oldest point of a step; null when there is none. */
  async oldest(stepSeconds: number): Promise<number | null> {
    return this.rows.minimum('at', { stepSeconds });
  }

  async newest(stepSeconds: number): Promise<number | null> {
    return this.rows.maximum('at', { stepSeconds });
  }

  /** Deletes what is older. Keep the piece small: on SQLite everybody else waits. */
  async deleteBefore(stepSeconds: number, before: number): Promise<number> {
    const { affected } = await this.rows.delete({ stepSeconds, at: LessThan(before) });
    return affected ?? 0;
  }
}
