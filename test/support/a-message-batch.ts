import type { MessageBatch } from '../../src/logs/message-batch';
import { MessageBuffer } from '../../src/logs/message-buffer';
import { widthOf } from '../../src/logs/text-width';
import { MessageContexts } from '../../src/logs/message-contexts';
import { carryPayload } from '../../src/logs/payload-cap';
import type { TrafficRecord } from '../../src/mcp/traffic';
import { aTrafficRecord } from './a-traffic-record';

const MARGIN = 16_384;

/** Messages as they are handed to the writer. */
export function aMessageBatch(...records: Partial<TrafficRecord>[]): MessageBatch {
  const chunk = new MessageBuffer(2 ** 20, new MessageContexts());
  for (const record of records.map(aTrafficRecord)) {
    const { head, tail } = record.payload === null ? { head: null, tail: null } : carryPayload(record.payload, MARGIN);
    chunk.add(record, head, tail, head === null ? 1 : widthOf(head, tail));
  }
  return chunk.batch;
}
