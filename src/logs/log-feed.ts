import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { Events } from '../events/events';
import { LogEntries, type LogEntry, type LogKind, LOG_KINDS, type LogPosition } from './log-entries';
import { LogWriter } from './log-writer';
import type { CommittedRow } from './log-writer.types';

/** Told of entries as they are committed; `before` is where the feed stood. */
export type FeedListener = (log: LogKind, entries: readonly LogEntry[], before: LogPosition) => void;

const READ_ROWS = 500;
const RETRY_MS = 1_000;

/** All three logs live, for whoever shows them. */
@Injectable()
export class LogFeed {
  constructor(
    private readonly writer: LogWriter,
    private readonly entries: LogEntries,
    private readonly events: Events,
  ) {}

  /** From now on, until it is stopped. */
  follow(listener: FeedListener): LogFollowing {
    return new LogFollowing(this.writer, this.entries, this.events, listener);
  }
}

/**
 * Each log from a known position on: every row once, in the order of the commits. Rows come as their writer tells them; where
 * one is missing between the last and the next, what is between them is read from the database. The operation log has no
 * writer of its own: its rows are read when one is told of.
 */
export class LogFollowing {
  /** Resolves when `position` is known, from which on nothing is left out. Rejects when the logs can't be read. */
  readonly ready: Promise<void>;
  private readonly logger = new Logger('LogFeed');
  private readonly at: LogPosition = { mcp: 0, system: 0, operations: 0 };
  /** The newest row told by the writer: its numbers go up, unless all rows were deleted and they begin again. */
  private readonly lastTold: LogPosition = { mcp: 0, system: 0, operations: 0 };
  /** Logs that are being read, and whether there is more since. They are busy until it is known where they begin. */
  private readonly reads: Record<LogKind, { isBusy: boolean; isAsked: boolean }>;
  private readonly ended = new AbortController();
  private readonly stops: (() => void)[];

  constructor(
    writer: LogWriter,
    private readonly entries: LogEntries,
    events: Events,
    private readonly listener: FeedListener,
  ) {
    const busy = () => ({ isBusy: true, isAsked: false });
    this.reads = { mcp: busy(), system: busy(), operations: busy() };
    this.stops = [
      writer.onCommitted((rows) => this.onCommitted(rows)),
      events.on('operation.recorded', () => void this.read('operations')),
    ];
    this.ready = this.begin(writer);
    // Whoever waits for it hears of it; nobody has to.
    this.ready.catch(() => undefined);
  }

  /** What the listener has been told of. */
  get position(): LogPosition {
    return { ...this.at };
  }

  stop(): void {
    this.ended.abort();
    for (const stop of this.stops) stop();
  }

  private async begin(writer: LogWriter): Promise<void> {
    await writer.following();
    const bounds = await this.entries.bounds();
    for (const log of LOG_KINDS) {
      this.at[log] = bounds[log].last;
      const read = this.reads[log];
      read.isBusy = false;
      // Committed while we looked: whether it is within the bounds or beyond, the database knows.
      if (read.isAsked) void this.read(log);
    }
  }

  private onCommitted(rows: readonly CommittedRow[]): void {
    for (const log of ['mcp', 'system'] as const) {
      const own = rows.filter((row) => row.log === log);
      const first = own[0];
      const last = own.at(-1);
      if (first === undefined || last === undefined) continue;
      if (first.seq <= this.lastTold[log]) this.at[log] = Math.min(this.at[log], first.seq - 1);
      this.lastTold[log] = last.seq;
      if (this.reads[log].isBusy || first.seq > this.at[log] + 1) void this.read(log);
      else {
        const fresh = own.filter(({ seq }) => seq > this.at[log]);
        this.tell(
          log,
          fresh.map((row) => this.entries.told(row)),
        );
      }
    }
  }

  /** Reads on from where we stand until nothing more is there; one at a time for each log. */
  private async read(log: LogKind): Promise<void> {
    const read = this.reads[log];
    read.isAsked = true;
    if (read.isBusy) return;
    read.isBusy = true;
    while (read.isAsked && !this.isOver()) {
      read.isAsked = false;
      if (await this.readOn(log)) read.isAsked = true;
    }
    read.isBusy = false;
  }

  /** Gives whether there is more to be read. */
  private async readOn(log: LogKind): Promise<boolean> {
    try {
      const range = { after: this.at[log], upTo: Number.MAX_SAFE_INTEGER, limit: READ_ROWS };
      const entries = await this.entries.between(log, range);
      if (this.isOver()) return false;
      this.tell(log, entries);
      return entries.length === READ_ROWS;
    } catch (error) {
      this.logger.debug('A log can not be followed for a moment', { log, reason: messageOf(error) });
      await delay(RETRY_MS, undefined, { signal: this.ended.signal, ref: false }).catch(() => undefined);
      return true;
    }
  }

  private isOver(): boolean {
    return this.ended.signal.aborted;
  }

  private tell(log: LogKind, entries: readonly LogEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const before = this.position;
    this.at[log] = last.seq;
    this.listener(log, entries, before);
  }
}
