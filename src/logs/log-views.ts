import { type ChainVerdict, isSound } from '../audit/operation-chain';
import type { Operation } from '../audit/operation.entity';
import { toTimestamp } from '../common/clock';
import { LOG_LEVELS } from '../config/variables';
import type {
  McpLogDetailView,
  McpLogEntryView,
  McpLogNeighbourView,
  OperationVerdictView,
  OperationView,
  SystemLogEntryView,
} from './logs.dto';
import type { McpLogRow } from './mcp-log.entity';
import type { SystemLogRow } from './system-log.entity';

export function toSystemLogView(row: SystemLogRow): SystemLogEntryView {
  return {
    id: row.id,
    at: toTimestamp(row.at),
    // `severity` is the index of the level by the writer's own table.
    level: LOG_LEVELS[row.severity] ?? 'info',
    context: row.context,
    message: row.message,
    requestId: row.requestId,
    data: readJson(row.data) as Record<string, unknown> | null,
  };
}

export function toOperationView(row: Operation): OperationView {
  return {
    id: row.id,
    at: toTimestamp(row.at),
    actor: { type: row.actorType, id: row.actorId, name: row.actorName },
    action: row.action,
    target: row.targetType === null ? null : { type: row.targetType, id: row.targetId, name: row.targetName },
    outcome: row.outcome,
    status: row.status,
    ip: row.ip,
    requestId: row.requestId,
    changes: readJson(row.changes) as Record<string, unknown> | null,
    prevHash: row.prevHash,
    hash: row.hash,
  };
}

export function toMcpLogDetailView(
  row: McpLogRow,
  pair: McpLogRow | null,
  neighbours: { before: McpLogRow[]; after: McpLogRow[] },
): McpLogDetailView {
  return Object.assign(toMcpLogView(row), {
    pair: pair === null ? null : toMcpLogView(pair),
    neighbours: { before: neighbours.before.map(toMessageView), after: neighbours.after.map(toMessageView) },
  });
}

export function toMcpLogView(row: McpLogRow): McpLogEntryView {
  return Object.assign(toMessageView(row), { payload: readJson(row.payload) });
}

/** A message without what it says. */
export function toMessageView(row: Omit<McpLogRow, 'payload'>): McpLogNeighbourView {
  return {
    id: row.id,
    at: toTimestamp(row.at),
    toolId: row.toolId,
    toolName: row.toolName,
    sessionId: row.sessionId,
    client: row.client,
    direction: row.direction,
    kind: row.kind,
    method: row.method,
    target: row.target,
    rpcId: readJson(row.rpcId) as string | number | null,
    outcome: row.outcome,
    durationMs: row.durationMs === null ? null : Math.round(row.durationMs * 1000) / 1000,
    sizeBytes: row.sizeBytes,
    truncated: row.truncated,
  };
}

/** Stored JSON; what is none (an id that was cut) is shown as the text it is. */
function readJson(text: string | null): unknown {
  if (text === null) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export function toVerdictView(verdict: ChainVerdict): OperationVerdictView {
  const { checked, unverifiable, firstBroken, missingAtEnd } = verdict;
  const broken = firstBroken === null ? null : { id: firstBroken.id, at: toTimestamp(firstBroken.at) };
  return { valid: isSound(verdict), checked, unverifiable, firstBroken: broken, missingAtEnd };
}
