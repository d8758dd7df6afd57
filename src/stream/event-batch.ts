import type { LogEntry, LogKind, LogPosition } from '../logs/log-entries';
import { eventFrame } from './event-frame';
import { toEventId } from './event-id';
import { EVENT_OF_LOG } from './event-types';
import type { StreamFilter } from './stream-filter';

/** Entries of a log on their way to many streams: made into text once, and joined once for all that want the same. */
export class EventBatch {
  private frames: string[] | null = null;
  private readonly joined = new Map<string, Buffer | null>();

  constructor(
    private readonly log: LogKind,
    private readonly entries: readonly LogEntry[],
    /** Where streams stand that have not got it. */
    readonly before: LogPosition,
  ) {}

  /** What of it passes; null: nothing. */
  for(filter: StreamFilter): Buffer | null {
    if (!filter.wantsLog(this.log)) return null;
    const known = this.joined.get(filter.key);
    if (known !== undefined) return known;
    this.frames ??= this.entries.map((entry) => entryFrame(this.log, entry, this.before));
    const passing = this.frames.filter((_, place) => {
      const entry = this.entries[place];
      return entry !== undefined && filter.passesEntry(this.log, entry);
    });
    const bytes = passing.length === 0 ? null : Buffer.from(passing.join(''));
    this.joined.set(filter.key, bytes);
    return bytes;
  }
}

/** `position`: where the stream stands in the other logs. */
export function entryFrame(log: LogKind, { seq, view }: LogEntry, position: LogPosition): string {
  return eventFrame(EVENT_OF_LOG[log], view, toEventId({ ...position, [log]: seq }));
}
