import { Injectable } from '@nestjs/common';
import { LogEntries, type LogEntry, type LogKind, LOG_KINDS, type LogPosition } from '../logs/log-entries';
import type { LogFollowing } from '../logs/log-feed';
import { entryFrame } from './event-batch';
import { eventFrame } from './event-frame';
import { toEventId } from './event-id';
import type { EventStream } from './event-stream';
import { EVENT_OF_LOG } from './event-types';

/** Entries of one log that are brought to who was away; where more were missed, that is said instead. */
const MOST_MISSED = 10_000;
const READ_ROWS = 200;
const WRITE_CHARACTERS = 64 * 1024;

/** A part of a log that was read; `isFull`: there may be more behind it. */
interface Chunk {
  log: LogKind;
  entries: LogEntry[];
  place: number;
  isFull: boolean;
}

/** Brings streams from where they stand to where the logs are now, out of the database. */
@Injectable()
export class LogReplay {
  constructor(private readonly entries: LogEntries) {}

  /**
   * Puts a stream where its client has been, or where that is no longer possible (too much came since, it was deleted, or
   * the numbers are not those of this log) as near as can be, and says so.
   */
  async resume(stream: EventStream, from: LogPosition, following: LogFollowing): Promise<void> {
    const bounds = await this.entries.bounds();
    const here = following.position;
    const gaps: { type: string; missed: number | null }[] = [];
    stream.position = { ...from };
    for (const log of LOG_KINDS.filter((each) => stream.filter.wantsLog(each))) {
      const missed = here[log] - from[log];
      const oldest = bounds[log].first === 0 ? here[log] + 1 : bounds[log].first;
      if (missed < 0 || missed > MOST_MISSED) stream.position[log] = here[log];
      else if (oldest > from[log] + 1) stream.position[log] = Math.min(oldest - 1, here[log]);
      const skipped = stream.position[log] - from[log];
      if (skipped !== 0) gaps.push({ type: EVENT_OF_LOG[log], missed: skipped > 0 ? skipped : null });
    }
    const id = toEventId(stream.position);
    for (const gap of gaps) await stream.send(Buffer.from(eventFrame('gap', gap, id)));
  }

  /** Makes it live once it stands where `following` does, at the very moment in which that is so: nothing comes between. */
  async catchUp(stream: EventStream, following: LogFollowing): Promise<void> {
    while (stream.over === null) {
      const goal = following.position;
      const behind = LOG_KINDS.filter((log) => stream.filter.wantsLog(log) && stream.position[log] < goal[log]);
      if (behind.length === 0) {
        stream.isLive = true;
        return;
      }
      await this.send(stream, goal, await Promise.all(behind.map((log) => this.read(log, stream.position, goal))));
    }
  }

  private async read(log: LogKind, from: LogPosition, goal: LogPosition): Promise<Chunk> {
    const entries = await this.entries.between(log, { after: from[log], upTo: goal[log], limit: READ_ROWS });
    return { log, entries, place: 0, isFull: entries.length === READ_ROWS };
  }

  /** The chunks merged by time; only as far as the first of them reaches that may have more behind it. */
  private async send(stream: EventStream, goal: LogPosition, chunks: Chunk[]): Promise<void> {
    let text = '';
    for (let next = earliest(chunks); next !== null && stream.over === null; next = earliest(chunks)) {
      const { chunk, entry } = next;
      chunk.place++;
      if (stream.filter.passesEntry(chunk.log, entry)) text += entryFrame(chunk.log, entry, stream.position);
      stream.position[chunk.log] = entry.seq;
      if (text.length < WRITE_CHARACTERS) continue;
      await stream.send(Buffer.from(text));
      text = '';
    }
    for (const { log, entries, place, isFull } of chunks) {
      if (!isFull && place === entries.length) stream.position[log] = goal[log];
    }
    if (text !== '') await stream.send(Buffer.from(text));
  }
}

function earliest(chunks: readonly Chunk[]): { chunk: Chunk; entry: LogEntry } | null {
  let found: { chunk: Chunk; entry: LogEntry } | null = null;
  for (const chunk of chunks) {
    const entry = chunk.entries[chunk.place];
    if (entry === undefined && chunk.isFull) return null;
    if (entry !== undefined && (found === null || entry.at < found.entry.at)) found = { chunk, entry };
  }
  return found;
}
