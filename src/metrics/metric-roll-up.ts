import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Transactions } from '../database/transactions';
import { MetricPoint } from './metric-point';
import { MetricPointRow } from './metric-point.entity';
import { MetricPointRepository } from './metric-point.repository';
import {
  DAY_MS,
  HOUR_MS,
  HOUR_SECONDS,
  HOURS_KEPT_MS,
  MINUTE_MS,
  MINUTE_SECONDS,
  MINUTES_KEPT_MS,
  SLACK_MS,
  startOfStep,
} from './steps';

/** How much of the minutes is deleted at once: 1,000 rows of 100 tools. */
const PIECE_MS = 10 * MINUTE_MS;

/**
 * Makes hours of minutes and deletes what has had its time. An hour is always computed from all of its minutes, so doing
 * it twice, or again after late minutes, changes nothing.
 */
@Injectable()
export class MetricRollUp {
  /** Hours with minutes that are in no row of an hour yet; null until the database was asked which. */
  private due: Set<number> | null = null;
  /** The time by which the age of rows is told; null until the database was asked. */
  private today: number | null = null;

  constructor(
    private readonly rows: MetricPointRepository,
    private readonly transactions: Transactions,
  ) {}

  /** Told which minutes have been written. */
  note(minutes: Iterable<number>): void {
    for (const minute of minutes) this.due?.add(startOfStep(minute, HOUR_MS));
  }

  /** Writes the hours that are over. */
  async rollUp(now: number): Promise<void> {
    this.due ??= await this.findDue();
    for (const hour of [...this.due].filter((start) => start + HOUR_MS <= now)) {
      for (const series of await this.rows.seriesBetween(MINUTE_SECONDS, hour, hour + HOUR_MS)) {
        await this.rollUpHour(series, hour);
        await turn();
      }
      this.due.delete(hour);
    }
  }

  /**
   * Deletes what is older than it is kept. A clock that has jumped far ahead must not delete everything: the time by which
   * ages are told begins at the newest row and follows the clock by a day each time (called once an hour) at most.
   */
  async deleteOld(now: number): Promise<void> {
    this.today = this.today === null ? await this.newest(now) : Math.min(now, this.today + DAY_MS);
    await this.deletePieces(MINUTE_SECONDS, PIECE_MS, this.today - MINUTES_KEPT_MS - SLACK_MS);
    await this.deletePieces(HOUR_SECONDS, DAY_MS, this.today - HOURS_KEPT_MS - HOUR_MS);
  }

  private async rollUpHour(series: string, hour: number): Promise<void> {
    const minutes = await this.rows.list(series, MINUTE_SECONDS, hour, hour + HOUR_MS);
    const point = new MetricPoint();
    for (const [, text] of minutes) point.mergeEncoded(text);
    const row = Object.assign(new MetricPointRow(), {
      series,
      stepSeconds: HOUR_SECONDS,
      at: hour,
      data: point.encode(),
    });
    await this.transactions.run((tx) => this.rows.save([row], tx));
  }

  /** After a start: the newest hour that is stored (it may be a part) and all hours with minutes since. */
  private async findDue(): Promise<Set<number>> {
    const newest = await this.rows.newest(MINUTE_SECONDS);
    const oldest = await this.rows.oldest(MINUTE_SECONDS);
    if (newest === null || oldest === null) return new Set();
    const rolledUp = (await this.rows.newest(HOUR_SECONDS)) ?? oldest;
    const due = new Set<number>();
    const begin = Math.max(oldest, Math.min(rolledUp, newest), newest - MINUTES_KEPT_MS);
    for (let hour = startOfStep(begin, HOUR_MS); hour <= newest; hour += HOUR_MS) due.add(hour);
    return due;
  }

  private async newest(now: number): Promise<number> {
    const newest = Math.max(
      (await this.rows.newest(MINUTE_SECONDS)) ?? -Infinity,
      (await this.rows.newest(HOUR_SECONDS)) ?? -Infinity,
    );
    return Math.min(now, newest === -Infinity ? now : newest);
  }

  private async deletePieces(stepSeconds: number, pieceMs: number, before: number): Promise<void> {
    for (;;) {
      const oldest = await this.rows.oldest(stepSeconds);
      if (oldest === null || oldest >= before) return;
      await this.rows.deleteBefore(stepSeconds, Math.min(before, oldest + pieceMs));
      await turn();
    }
  }
}
