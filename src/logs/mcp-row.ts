import { withoutNul } from '../common/nul';
import type { SecretMask } from '../common/secret-mask';
import type { RpcId } from '../mcp/json-rpc.types';
import type { TrafficRecord } from '../mcp/traffic';
import type { RowValues } from './log-batch';
import { type CONTEXT, type MessageBatch, readBatch, type ReadMessage, type ReadPayload } from './message-batch';
import { type CappedPayload, capPayload, capText } from './payload-cap';
import type { Redaction } from './redaction';
import type { CountedContext } from './roll-up-batch';

/** What messages have in common, as it is stored: masked, cut to what the columns take, without what no database takes. */
export type RowContext = Pick<TrafficRecord, keyof typeof CONTEXT> &
  CountedContext & { mask: SecretMask; margin: number };

/** The messages of a batch as the rows that are stored of them. */
export function toMcpRows(batch: MessageBatch, redaction: Redaction): RowValues[] {
  return readBatch(batch, (context) => toRowContext(context, redaction), toMcpRow);
}

/** Masks and cuts what messages have in common. */
export function toRowContext(context: Pick<TrafficRecord, keyof typeof CONTEXT>, redaction: Redaction): RowContext {
  const { toolId, toolName, sessionId, client, direction, kind, method, target, outcome } = context;
  const mask = redaction.maskOf(toolId);
  // Written out: V8 makes a shape of its own for each object that another one is spread into.
  return {
    toolId,
    toolName,
    sessionId,
    client: client === null ? null : withoutNul(client).slice(0, 200),
    method: method === null ? null : withoutNul(method).slice(0, 128),
    target: target === null ? null : withoutNul(mask.apply(target)).slice(0, 2_000),
    direction,
    kind,
    outcome,
    mask,
    margin: redaction.margin(toolId),
    counted: undefined,
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
    rpcIdText(rpcId),
    context.outcome,
    durationMs,
    sizeBytes,
    capped?.truncated === true ? 1 : 0,
    capped?.text ?? null,
  ];
}

/** A payload as it is stored. */
export function cappedOf(payload: ReadPayload, { mask, margin }: RowContext): CappedPayload {
  // Nearly all of them.
  if (payload.isPlain && payload.tail === null) return capText(mask.apply(payload.head, true));
  return capPayload(payload, margin, (text) => mask.apply(text));
}

/** An id of a request as it is stored and looked for. */
export function rpcIdText(rpcId: RpcId | null): string | null {
  return rpcId === null ? null : JSON.stringify(rpcId).slice(0, 128);
}
