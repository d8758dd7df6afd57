import type { LogColumn } from '../database/log-query';

const column = (property: string, type: LogColumn['type'], name = property): LogColumn => ({ name, property, type });

/** The columns of `mcp_log`, `seq` first: rows are written, spooled and read in this order. */
export const MCP_COLUMNS: readonly LogColumn[] = [
  column('seq', 'integer'),
  column('id', 'text'),
  column('at', 'integer'),
  column('toolId', 'text', 'tool_id'),
  column('toolName', 'text', 'tool_name'),
  column('sessionId', 'text', 'session_id'),
  column('client', 'text'),
  column('direction', 'text'),
  column('kind', 'text'),
  column('method', 'text'),
  column('target', 'text'),
  column('rpcId', 'text', 'rpc_id'),
  column('outcome', 'text'),
  column('durationMs', 'real', 'duration_ms'),
  column('sizeBytes', 'integer', 'size_bytes'),
  column('truncated', 'boolean'),
  column('payload', 'text'),
];

/** Those without what messages say: most of the bytes. */
export const MESSAGE_COLUMNS = MCP_COLUMNS.filter(({ property }) => property !== 'payload');

/** The columns of `system_log`, `seq` first. */
export const SYSTEM_COLUMNS: readonly LogColumn[] = [
  column('seq', 'integer'),
  column('id', 'text'),
  column('at', 'integer'),
  column('severity', 'integer'),
  column('context', 'text'),
  column('message', 'text'),
  column('requestId', 'text', 'request_id'),
  column('data', 'text'),
];
