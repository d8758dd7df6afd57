import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { TrafficRecord, TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import type { Loss } from './log-batch';
import { LogWriter } from './log-writer';
import { MessageQueue } from './message-queue';
import { carryPayload, isCarriedWhole } from './payload-cap';
import { marginFor } from './redaction';

/** What became of the records, and how far behind the database is. */
export interface RecorderCounters {
  /** Those that are not in the database yet: in memory and in the spool. */
  queued: number;
  written: number;
  /** Records lost since the start, and of how many more only the payload. */
  dropped: number;
  payloadsDropped: number;
  droppedBy: { tool: string | null; reason: Loss['reason']; what: Loss['what']; count: number }[];
  spoolBytes: number;
  /** How long the last commit took, in milliseconds. */
  flushMs: number;
  /** Age of the oldest record that waits in the spool, in milliseconds. */
  lagMs: number;
}

const MAX_ENTRIES = 50_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What is above this is for records without their payloads. */
const PAYLOAD_BYTES = (MAX_BYTES * 3) / 4;
const SHUTDOWN_MS = 5_000;
/** How long a query waits for what was recorded before it. */
const READ_YOUR_WRITES_MS = 500;

/**
 * Records every MCP message behind the relay: `record` writes it down where the writer's thread will read it, and that one
 * masks, formats and stores whole batches. Where more comes than can be handed over, payloads go first and then
 * records, and are counted: the relay never waits for the log.
 */
@Injectable()
export class Recorder implements TrafficSink, OnModuleInit {
  private readonly logger = new Logger(Recorder.name);
  private readonly secrets = new Map<string, { values: Set<string>; margin: number }>();
  private readonly queue: MessageQueue;

  constructor(
    private readonly writer: LogWriter,
    private readonly tap: TrafficTap,
  ) {
    this.queue = new MessageQueue({
      write: (batch, behind) => this.writer.writeMessages(batch, behind),
      onLost: (tool, at, what) =>
        this.writer.lost({ log: 'mcp', tool, reason: 'queue_full', what, count: 1, from: at, to: at }),
      onTrouble: (error) => this.logger.error('MCP messages could not be handed to their writer; they wait', error),
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      maxPayloadBytes: PAYLOAD_BYTES,
    });
  }

  onModuleInit(): void {
    this.writer.registerIntake(() => this.queue.close(SHUTDOWN_MS));
    this.writer.connect();
    this.tap.connect(this);
  }

  get counters(): RecorderCounters {
    const { written, spooled, spoolBytes, oldestAt, flushMs } = this.writer.current;
    const losses = this.writer.losses.filter(({ log }) => log === 'mcp');
    const sum = (what: Loss['what']) =>
      losses.filter((loss) => loss.what === what).reduce((total, { count }) => total + count, 0);
    return {
      queued: this.queue.queued + spooled,
      written: written.mcp,
      dropped: sum('record'),
      payloadsDropped: sum('payload'),
      droppedBy: losses.map(({ tool, reason, what, count }) => ({ tool, reason, what, count })),
      spoolBytes,
      flushMs,
      lagMs: oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt),
    };
  }

  record(record: TrafficRecord): void {
    const { payload } = record;
    if (payload === null || isCarriedWhole(payload)) {
      this.queue.push(record, payload, null);
      return;
    }
    const { head, tail } = carryPayload(payload, this.secrets.get(record.toolId)?.margin ?? marginFor());
    this.queue.push(record, head, tail);
  }

  /** Tells which values of a tool must not be stored; they hold for everything that is not stored yet. */
  protect(toolId: string, secrets: Iterable<string>): void {
    const known = this.secrets.get(toolId)?.values;
    // Values of before are still on their way: in the queue, and in a process that goes on with the old definition.
    const values = new Set([...(known ?? []), ...secrets]);
    if (values.size === (known?.size ?? 0)) return;
    this.secrets.set(toolId, { values, margin: marginFor(values) });
    this.writer.protect(toolId, [...values]);
  }

  /** Waits until what passed before now can be read (or half a second has gone). */
  settled(): Promise<void> {
    return this.queue.flush(READ_YOUR_WRITES_MS);
  }
}
