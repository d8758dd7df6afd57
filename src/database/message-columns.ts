/** Values of a message in the order of the columns of `mcp_log`, without `seq`. */
export type MessageValues = readonly (string | number | null)[];

/** Where they stand. */
export const OF = {
  id: 0,
  at: 1,
  toolId: 2,
  toolName: 3,
  sessionId: 4,
  client: 5,
  direction: 6,
  kind: 7,
  method: 8,
  target: 9,
  rpcId: 10,
  outcome: 11,
  durationMs: 12,
  sizeBytes: 13,
  truncated: 14,
  payload: 15,
} as const;

/** Their names, `seq` first, as those of the table on PostgreSQL. */
export const MESSAGE_COLUMNS = [
  ...['seq', 'id', 'at', 'tool_id', 'tool_name', 'session_id', 'client', 'direction', 'kind', 'method', 'target'],
  ...['rpc_id', 'outcome', 'duration_ms', 'size_bytes', 'truncated', 'payload'],
] as const;

/** An id as `BatchIds` makes them: a UUIDv7 whose end is drawn once for a batch. */
export const MADE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
export const ID_LENGTH = 36;
/** Where that end begins. */
export const ID_TAIL_FROM = 18;

/** What a message shares with others, in the order of a context. */
const SHARED = [
  OF.toolId,
  OF.toolName,
  OF.sessionId,
  OF.client,
  OF.direction,
  OF.kind,
  OF.method,
  OF.target,
  OF.outcome,
] as const;

/** The values that a message shares with others; null: one that every message has is missing. */
export function contextOf(values: MessageValues): (string | null)[] | null {
  const context: (string | null)[] = [];
  for (const place of SHARED) {
    const value = values[place] ?? null;
    if (typeof value === 'number') return null;
    context.push(value);
  }
  const [toolId, toolName, , , direction, kind] = context;
  return typeof toolId === 'string' && typeof toolName === 'string' && direction && kind ? context : null;
}
