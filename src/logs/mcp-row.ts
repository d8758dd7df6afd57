import { withoutNul } from '../common/nul';
import type { SecretMask } from '../common/secret-mask';
import type { TrafficRecord } from '../mcp/traffic';
import type { RowValues } from './log-batch';
import { type CONTEXT, type MessageBatch, readBatch, type ReadMessage, type ReadPayload } from './message-batch';
import { type CappedPayload, capPayload, capText } from './payload-cap';
import type { Redaction } from './redaction';

/** What messages have in common, as it is stored: masked, cut to what the columns take, without what no database takes. */
type RowContext = Pick<TrafficRecord, keyof typeof CONTEXT> & { mask: SecretMask; margin: number };

/** The messages of a batch as the rows that are stored of them. */
export function toMcpRows(batch: MessageBatch, redaction: Redaction): RowValues[] {
  return readBatch(batch, (context) => toRowContext(context, redaction), toMcpRow);
}

function toRowContext(context: Pick<TrafficRecord, keyof typeof CONTEXT>, redaction: Redaction): RowContext {
  const { toolId, client, method, target } = context;
  const mask = redaction.maskOf(toolId);
  return {
    ...context,
    client: client === null ? null : withoutNul(client).slice(0, 200),
    method: method === null ? null : withoutNul(method).slice(0, 128),
    target: target === null ? null : withoutNul(mask.apply(target)).slice(0, 2_000),
    mask,
    margin: redaction.margin(toolId),
  };
}

function toMcpRow({ id, at, context, rpcId, durationMs, sizeBytes, payload }: ReadMessage<RowContext>): RowValues {
  const capped = payload === null ? null : cappedOf(payload, context);
  return [
    id,
    at,
    context.toolId,
    context.toolName,
    context.sessionId,
    context.client,
    context.direction,
    context.kind,
    context.method,
    context.target,
    rpcId === null ? null : JSON.stringify(rpcId).slice(0, 128),
    context.outcome,
    durationMs,
    sizeBytes,
    capped?.truncated === true ? 1 : 0,
    capped?.text ?? null,
  ];
}

function cappedOf(payload: ReadPayload, { mask, margin }: RowContext): CappedPayload {
  // Nearly all of them.
  if (payload.isPlain && payload.tail === null) return capText(mask.apply(payload.head, true));
  return capPayload(payload, margin, (text) => mask.apply(text));
}
