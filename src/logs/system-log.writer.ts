import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AppLogger, type LogEntry, SEVERITY } from '../common/app-logger';
import { newId } from '../common/ids';
import { withoutNul } from '../common/nul';
import { BatchQueue, type QueueCounters } from './batch-queue';
import type { RowValues } from './log-batch';
import { LogWriter } from './log-writer';

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_MESSAGE_CHARACTERS = 16_384;
const SHUTDOWN_MS = 2_000;
const READ_YOUR_WRITES_MS = 500;

/**
 * Keeps the system's own log in the database too, by the same writer as MCP messages. That it can't be handed over is said
 * on stderr, never in the log itself; what the writer says of its own trouble is a line in a minute at most.
 */
@Injectable()
export class SystemLogWriter implements OnModuleInit {
  private readonly queue: BatchQueue<RowValues>;

  constructor(
    private readonly log: AppLogger,
    private readonly writer: LogWriter,
  ) {
    this.queue = new BatchQueue<RowValues>({
      write: (batch) => this.writer.writeRows(batch),
      sizeOf: (row) => row.reduce<number>((sum, value) => sum + (typeof value === 'string' ? 2 * value.length : 8), 0),
      onDropped: ([, at]) => this.lost(Number(at)),
      onTrouble: (error) => {
        process.stderr.write(`The system log could not be handed to its writer; it waits: ${String(error)}\n`);
      },
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      batchSize: 100,
      flushMs: 200,
    });
  }

  onModuleInit(): void {
    const remove = this.log.addSink((entry) => this.queue.push(toRow(entry)));
    this.writer.registerIntake(async () => {
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

  private lost(at: number): void {
    this.writer.lost({ log: 'system', tool: null, reason: 'queue_full', what: 'record', count: 1, from: at, to: at });
  }
}

function toRow(entry: LogEntry): RowValues {
  return [
    newId(),
    entry.at,
    SEVERITY[entry.level],
    entry.context?.slice(0, 100) ?? null,
    withoutNul(entry.message).slice(0, MAX_MESSAGE_CHARACTERS),
    entry.requestId,
    entry.data === null ? null : withoutNul(textOf(entry.data)).slice(0, MAX_MESSAGE_CHARACTERS),
  ];
}

/** A logger must not throw, whatever it is given. */
function textOf(data: Record<string, unknown>): string {
  try {
    return JSON.stringify(data);
  } catch (error) {
    return JSON.stringify({ unreadable: String(error) });
  }
}
