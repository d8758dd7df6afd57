import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AppLogger, type LogEntry, SEVERITY } from '../common/app-logger';
import { newId } from '../common/ids';
import { withoutNul } from '../common/nul';
import { DatabaseWriters } from '../database/database-writers';
import { BatchQueue, type QueueCounters } from './batch-queue';
import { Sequence } from './sequence';
import { SystemLogRow } from './system-log.entity';
import { SystemLogRepository } from './system-log.repository';

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_MESSAGE_CHARACTERS = 16_384;
const SHUTDOWN_MS = 2_000;
const READ_YOUR_WRITES_MS = 500;

interface Waiting {
  id: string;
  entry: LogEntry;
}

/** Keeps the system's own log in the database too. Trouble of its own goes to stderr, never into the log it can't write. */
@Injectable()
export class SystemLogWriter implements OnModuleInit {
  private readonly sequence: Sequence;
  private readonly queue: BatchQueue<Waiting>;

  constructor(
    private readonly rows: SystemLogRepository,
    private readonly log: AppLogger,
    private readonly writers: DatabaseWriters,
  ) {
    this.sequence = new Sequence(() => rows.lastSeq());
    this.queue = new BatchQueue<Waiting>({
      write: (batch) => this.write(batch),
      sizeOf: ({ entry }) => 200 + 2 * entry.message.length,
      onTrouble: (error) => {
        process.stderr.write(`The system log could not be written to the database; it waits: ${String(error)}\n`);
      },
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      batchSize: 100,
      flushMs: 200,
    });
  }

  onModuleInit(): void {
    const remove = this.log.addSink((entry) => this.queue.push({ id: newId(), entry }));
    this.writers.register(async () => {
      remove();
      await this.queue.close(SHUTDOWN_MS);
    });
  }

  get counters(): QueueCounters {
    return this.queue.counters;
  }

  /** Waits until what was said before now can be read (or half a second has gone). */
  settled(): Promise<void> {
    return this.queue.flush(READ_YOUR_WRITES_MS);
  }

  private async write(batch: Waiting[]): Promise<void> {
    const first = await this.sequence.peek();
    await this.rows.insert(batch.map(({ id, entry }, index) => toRow(id, entry, first + index)));
    this.sequence.confirm(batch.length);
  }
}

function toRow(id: string, entry: LogEntry, seq: number): SystemLogRow {
  return Object.assign(new SystemLogRow(), {
    seq,
    id,
    at: entry.at,
    severity: SEVERITY[entry.level],
    context: entry.context?.slice(0, 100) ?? null,
    message: withoutNul(entry.message).slice(0, MAX_MESSAGE_CHARACTERS),
    requestId: entry.requestId,
    data: entry.data === null ? null : withoutNul(JSON.stringify(entry.data)).slice(0, MAX_MESSAGE_CHARACTERS),
  });
}
