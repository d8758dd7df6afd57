import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { LogName } from './log-batch';
import { NOTHING, type Upkeep, type UpkeepDone } from './log-store';
import { LogWriter } from './log-writer';

/** What a piece of work may keep others from writing: aimed far below the 250 ms that are promised. */
const PIECE_MS = 15;
const ROWS = { first: 100, least: 20, most: 1_000 };
const PAGES = { first: 100, least: 20, most: 500 };
/** A quick piece is followed by one that is larger by so much at most: the next may lie elsewhere in the file. */
const GROWTH = 1.2;
/** Between two pieces, as a part of what the last one took, and at most: batches and readers have their turn. */
const PAUSE_SHARE = 0.5;
const PAUSE_MOST_MS = 100;
/** The logs take turns, so that what is left of both is about as old. */
const TURN_SHARE = 1 / 8;
/** Below the limit by so much, so that not every look at it has something to delete. */
const ROOM = 0.95;

/** What was deleted by one piece. */
export type OnDeleted = (log: LogName, rows: number) => void;

/** How much of something to do at once, so that it takes about as long as it should. */
class Pace {
  size: number;

  constructor(private readonly range: { first: number; least: number; most: number }) {
    this.size = range.first;
  }

  note(tookMs: number): void {
    const ratio = Math.min(GROWTH, PIECE_MS / Math.max(1, tookMs));
    this.size = Math.round(Math.min(this.range.most, Math.max(this.range.least, this.size * ratio)));
  }
}

/** Deletes from the logs of messages and of the system by their writer, piece by piece, so that recording goes on. */
@Injectable()
export class LogPruner {
  constructor(private readonly writer: LogWriter) {}

  /** What is stored now. */
  measure(): Promise<UpkeepDone> {
    return this.writer.upkeep(NOTHING);
  }

  /** Deletes up to `most` rows of before a time, the oldest first. Returns whether some are left. */
  async deleteBefore(
    log: LogName,
    before: number,
    most: number,
    signal: AbortSignal,
    onDeleted: OnDeleted,
  ): Promise<boolean> {
    const pace = new Pace(ROWS);
    for (let left = most; ;) {
      const limit = Math.min(left, pace.size);
      const { deleted, oldest, tookMs } = await this.piece({ task: 'delete', log, before, limit }, signal);
      onDeleted(log, deleted);
      left -= deleted;
      pace.note(tookMs);
      const isMore = oldest[log] !== null && oldest[log] < before;
      if (!isMore || left <= 0 || deleted === 0 || signal.aborted) return isMore;
    }
  }

  /** Deletes the oldest rows of both logs until they take less than so many bytes. */
  async shrinkTo(bytes: number, signal: AbortSignal, onDeleted: OnDeleted): Promise<void> {
    const pace = new Pace(ROWS);
    let { storedBytes, oldest } = await this.measure();
    if (storedBytes <= bytes) return;
    let needed = Infinity;
    while (storedBytes > bytes * ROOM && !signal.aborted) {
      const log = (oldest.system ?? Infinity) < (oldest.mcp ?? Infinity) ? 'system' : 'mcp';
      const limit = Math.min(pace.size, needed, Math.max(ROWS.first, Math.ceil(needed * TURN_SHARE)));
      const done = await this.piece({ task: 'delete', log, before: null, limit }, signal);
      // What is left is no row: an empty file has its size as well.
      if (done.deleted === 0) return;
      onDeleted(log, done.deleted);
      pace.note(done.tookMs);
      const bytesOfARow = (storedBytes - done.storedBytes) / done.deleted;
      ({ storedBytes, oldest } = done);
      needed = bytesOfARow > 0 ? Math.max(1, Math.ceil((storedBytes - bytes * ROOM) / bytesOfARow)) : ROWS.first;
    }
  }

  /** Gives the space of what was deleted back to the disk. */
  async finish(signal: AbortSignal): Promise<void> {
    const pace = new Pace(PAGES);
    let { freePages } = await this.piece({ task: 'finish' }, signal);
    while (freePages > 0 && !signal.aborted) {
      const done = await this.piece({ task: 'give-back', pages: pace.size }, signal);
      // A file of another origin, which was not made to give anything back.
      if (done.freePages >= freePages) break;
      pace.note(done.tookMs);
      freePages = done.freePages;
    }
    await this.piece({ task: 'finish' }, signal);
  }

  private async piece(work: Upkeep, signal: AbortSignal): Promise<UpkeepDone> {
    for (;;) {
      const done = await this.writer.upkeep(work);
      await pause(Math.min(PAUSE_MOST_MS, done.tookMs * PAUSE_SHARE));
      // What an older version has written is counted first.
      if (!done.isBehind || signal.aborted) return done;
    }
  }
}
