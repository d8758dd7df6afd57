import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { BatchIds } from '../common/ids';
import type { TrafficRecord, TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { BatchQueue } from './batch-queue';
import { type Loss, packRecord } from './log-batch';
import { LogWriter } from './log-writer';
import { type CarriedPayload, carryPayload } from './payload-cap';
import { marginFor } from './redaction';

/** A record waiting to be handed over. */
interface Waiting {
  record: TrafficRecord;
  payload: CarriedPayload | null;
}

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
/** A transaction of many rows costs less for each: the last page of every index is written once for all of them. Larger ones where more waits. */
const BATCH = { batchSize: 500, maxBatchSize: 1_000, batchBytes: 1024 * 1024, flushMs: 100 };
/** What a record costs beside its payload. */
const OVERHEAD_BYTES = 400;
const SHUTDOWN_MS = 5_000;
/** How long a query waits for what was recorded before it. */
const READ_YOUR_WRITES_MS = 500;

/**
 * Records every MCP message behind the relay: `record` only queues a reference, and batches of them go to the writer's
 * thread, which masks, formats and stores them. Where more comes than can be handed over, payloads go first and then
 * records, and are counted: the relay never waits for the log.
 */
@Injectable()
export class Recorder implements TrafficSink, OnModuleInit {
  private readonly logger = new Logger(Recorder.name);
  private readonly secrets = new Map<string, { values: Set<string>; margin: number }>();
  private readonly queue: BatchQueue<Waiting>;
  /** The ids of batches on their way. */
  private readonly given = new WeakMap<Waiting[], { ids: BatchIds; first: number }>();
  private recorded = 0;

  constructor(
    private readonly writer: LogWriter,
    private readonly tap: TrafficTap,
  ) {
    this.queue = new BatchQueue<Waiting>({
      write: (batch) => this.write(batch),
      sizeOf: ({ payload }) => OVERHEAD_BYTES + 2 * ((payload?.head.length ?? 0) + (payload?.tail?.length ?? 0)),
      shrink: { aboveBytes: PAYLOAD_BYTES, to: (waiting) => this.withoutPayload(waiting) },
      onDropped: ({ record }) => this.lost(record, 'record'),
      onTrouble: (error) => this.logger.error('MCP messages could not be handed to their writer; they wait', error),
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      ...BATCH,
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
      queued: this.queue.counters.queued + spooled,
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
    const margin = this.secrets.get(record.toolId)?.margin ?? marginFor();
    const payload = record.payload === null ? null : carryPayload(record.payload, margin);
    // Of a huge message the ends are carried: the whole of a few of them would fill the queue.
    const isCut = payload !== null && payload.tail !== null;
    this.queue.push({ record: isCut ? { ...record, payload: null } : record, payload });
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

  private write(batch: Waiting[]): Promise<void> {
    // A batch that is handed over again has the ids that it had: what was stored of it is not stored twice.
    const { ids, first } = this.given.get(batch) ?? { ids: new BatchIds(), first: this.recorded };
    if (!this.given.has(batch)) this.recorded += batch.length;
    this.given.set(batch, { ids, first });
    const values: unknown[] = [];
    for (const [place, { record, payload }] of batch.entries()) {
      packRecord(values, ids.of(record.at, first + place), record, payload);
    }
    return this.writer.write('mcp', values, this.queue.counters.queued - batch.length);
  }

  private withoutPayload(waiting: Waiting): Waiting {
    const { record, payload } = waiting;
    if (payload === null) return waiting;
    this.lost(record, 'payload');
    return { record: { ...record, payload: null }, payload: null };
  }

  private lost({ at, toolName }: TrafficRecord, what: Loss['what']): void {
    this.writer.lost({ log: 'mcp', tool: toolName, reason: 'queue_full', what, count: 1, from: at, to: at });
  }
}
