import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { newId } from '../common/ids';
import { withoutNul } from '../common/nul';
import { SecretMask } from '../common/secret-mask';
import { DatabaseWriters } from '../database/database-writers';
import type { TrafficRecord, TrafficSink } from '../mcp/traffic';
import { TrafficTap } from '../mcp/traffic-tap';
import { BatchQueue, type QueueCounters } from './batch-queue';
import { McpLogRow } from './mcp-log.entity';
import { McpLogRepository } from './mcp-log.repository';
import { type CappedPayload, capPayload, PAYLOAD_CAP } from './payload-cap';
import { Sequence } from './sequence';

/** A record waiting to be written; its id is given when the message passes. */
interface Waiting {
  id: string;
  record: TrafficRecord;
  /** The payload where it was cut at once. */
  capped: CappedPayload | null;
}

const MAX_ENTRIES = 50_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** What a record costs beside its payload. */
const OVERHEAD_BYTES = 400;
const SHUTDOWN_MS = 5_000;
/** How long a query waits for what was recorded before it. */
const READ_YOUR_WRITES_MS = 500;

/**
 * Writes every MCP message behind the relay: `record` only queues a reference; formatting, masking and the database come
 * later, in batches. A full queue drops records and counts them: the relay never waits for the log.
 */
@Injectable()
export class Recorder implements TrafficSink, OnModuleInit {
  private readonly logger = new Logger(Recorder.name);
  private readonly masks = new Map<string, { values: Set<string>; mask: SecretMask }>();
  private readonly sequence: Sequence;
  private readonly queue: BatchQueue<Waiting>;

  constructor(
    private readonly rows: McpLogRepository,
    private readonly tap: TrafficTap,
    private readonly writers: DatabaseWriters,
  ) {
    this.sequence = new Sequence(() => rows.lastSeq());
    this.queue = new BatchQueue<Waiting>({
      write: (batch) => this.write(batch),
      sizeOf: ({ record, capped }) => OVERHEAD_BYTES + 2 * (record.payload?.length ?? capped?.text.length ?? 0),
      onDrop: () => this.logger.warn('The queue of MCP messages is full: messages go unrecorded'),
      onTrouble: (error) => this.logger.error('MCP messages could not be written; they wait', error),
      maxEntries: MAX_ENTRIES,
      maxBytes: MAX_BYTES,
      batchSize: 200,
      flushMs: 100,
    });
  }

  onModuleInit(): void {
    this.writers.register(() => this.queue.close(SHUTDOWN_MS));
    this.tap.connect(this);
  }

  get counters(): QueueCounters {
    return this.queue.counters;
  }

  record(record: TrafficRecord): void {
    const { payload } = record;
    // A huge message is cut before it waits: a few of them would fill the queue.
    const isHuge = payload !== null && payload.length > PAYLOAD_CAP;
    const capped = isHuge ? capPayload(this.maskOf(record).apply(payload)) : null;
    this.queue.push({ id: newId(), record: isHuge ? { ...record, payload: null } : record, capped });
  }

  /** Tells which values of a tool must not be stored; they hold for everything written from now on. */
  protect(toolId: string, secrets: Iterable<string>): void {
    // Values of before are still on their way: in the queue, and in a process that goes on with the old definition.
    const values = new Set([...(this.masks.get(toolId)?.values ?? []), ...secrets]);
    this.masks.set(toolId, { values, mask: new SecretMask(values) });
  }

  /** Waits until what passed before now can be read (or half a second has gone). */
  settled(): Promise<void> {
    return this.queue.flush(READ_YOUR_WRITES_MS);
  }

  private async write(batch: Waiting[]): Promise<void> {
    const first = await this.sequence.peek();
    await this.rows.insert(batch.map((waiting, index) => this.toRow(waiting, first + index)));
    this.sequence.confirm(batch.length);
  }

  private maskOf({ toolId }: TrafficRecord): SecretMask {
    return this.masks.get(toolId)?.mask ?? SecretMask.NONE;
  }

  private toRow({ id, record, capped }: Waiting, seq: number): McpLogRow {
    const mask = this.maskOf(record);
    const payload = record.payload === null ? capped : capPayload(mask.apply(record.payload));
    return Object.assign(new McpLogRow(), {
      seq,
      id,
      at: record.at,
      toolId: record.toolId,
      toolName: record.toolName,
      sessionId: record.sessionId,
      client: record.client === null ? null : withoutNul(record.client).slice(0, 200),
      direction: record.direction,
      kind: record.kind,
      method: record.method === null ? null : withoutNul(record.method).slice(0, 128),
      target: record.target === null ? null : withoutNul(mask.apply(record.target)).slice(0, 2_000),
      rpcId: record.rpcId === null ? null : JSON.stringify(record.rpcId).slice(0, 128),
      outcome: record.outcome,
      durationMs: record.durationMs,
      sizeBytes: record.sizeBytes,
      truncated: payload?.truncated ?? false,
      payload: payload?.text ?? null,
    });
  }
}
