import { withoutNul } from '../common/nul';
import type { PackedRecord, RowValues } from './log-batch';
import { capPayload } from './payload-cap';
import type { Redaction } from './redaction';

/** A message as the row that is stored of it: masked, cut to what the columns take, without what no database takes. */
export function toMcpRow(record: PackedRecord, redaction: Redaction): RowValues {
  const { toolId } = record;
  const redact = (text: string) => redaction.apply(toolId, text);
  const payload = record.payload === null ? null : capPayload(record.payload, redaction.margin(toolId), redact);
  return [
    record.id,
    record.at,
    toolId,
    record.toolName,
    record.sessionId,
    record.client === null ? null : withoutNul(record.client).slice(0, 200),
    record.direction,
    record.kind,
    record.method === null ? null : withoutNul(record.method).slice(0, 128),
    record.target === null ? null : withoutNul(redact(record.target)).slice(0, 2_000),
    record.rpcId === null ? null : JSON.stringify(record.rpcId).slice(0, 128),
    record.outcome,
    record.durationMs,
    record.sizeBytes,
    payload?.truncated === true ? 1 : 0,
    payload?.text ?? null,
  ];
}
