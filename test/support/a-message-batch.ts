import type { MessageBatch } from '../../src/logs/message-batch';
import { MessageBuffer, widthOf } from '../../src/logs/message-buffer';
import { carryPayload } from '../../src/logs/payload-cap';
import type { TrafficRecord } from '../../src/mcp/traffic';
import { aTrafficRecord } from './a-traffic-record';

const MARGIN = 16_384;

/** Messages as they are handed to the writer. */
export function aMessageBatch(...records: Partial<TrafficRecord>[]): MessageBatch {
  const chunk = new MessageBuffer(2 ** 20);
  for (const record of records.map(aTrafficRecord)) {
    const { head, tail } = record.payload === null ? { head: null, tail: null } : carryPayload(record.payload, MARGIN);
    chunk.add(record, head, tail, head === null ? 1 : widthOf(head, tail));
  }
  return chunk.batch;
}
