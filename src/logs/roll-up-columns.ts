import type { McpRollupRow } from './log-rollup.entity';
import type { LogName } from './log-batch';

interface CallColumn {
  name: string;
  property: keyof McpRollupRow;
  /** Type of a list of its values on PostgreSQL. */
  list: 'text' | 'bigint';
}

const column = (property: CallColumn['property'], list: CallColumn['list'], name: string = property): CallColumn => ({
  name,
  property,
  list,
});

/** The columns of `mcp_rollup` in the order in which they are written. */
export const CALL_COLUMNS: readonly CallColumn[] = [
  column('step', 'bigint'),
  column('at', 'bigint'),
  column('key', 'text'),
  column('toolId', 'text', 'tool_id'),
  column('toolName', 'text', 'tool_name'),
  column('method', 'text'),
  column('target', 'text'),
  column('ok', 'bigint'),
  column('toolError', 'bigint', 'tool_error'),
  column('rpcError', 'bigint', 'rpc_error'),
  column('timeout', 'bigint'),
  column('cancelled', 'bigint'),
  column('transportError', 'bigint', 'transport_error'),
  column('notifications', 'bigint'),
  column('durations', 'text'),
];

/** Those whose values add up. */
export const ADDED_COLUMNS = CALL_COLUMNS.slice(7, 14).map(({ name }) => name);

/** So many columns of a log, `seq` first, say all that is counted: payloads are not read. */
export const READ_COLUMNS: Readonly<Record<LogName, number>> = { mcp: 14, system: 4 };
