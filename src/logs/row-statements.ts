import {
  betweenStatement,
  boundsStatement,
  type Condition,
  condition,
  type LogTable,
  pageStatement,
  searchCondition,
  selectList,
  type SeqRange,
  seqRange,
  timeRange,
  windowRange,
} from '../database/log-query';
import type { Statement } from '../database/reader';
import { MCP_COLUMNS, MESSAGE_COLUMNS } from './log-columns';
import type { McpLogRow } from './mcp-log.entity';
import { halfOf, type McpLogFilter, type MessageStatements, type Neighbours } from './message-statements';

const TABLE: LogTable = { name: 'mcp_log', columns: MCP_COLUMNS, searched: ['payload'] };
const MESSAGES: LogTable = { ...TABLE, columns: MESSAGE_COLUMNS };
/** Rows of a tool that are looked through for the other half of an exchange. */
const PAIR_REACH = 20_000;

/** Asks PostgreSQL, where a message is a row. Which index leads to it, the database knows. */
export class RowStatements implements MessageStatements {
  page(filter: McpLogFilter): Promise<Statement> {
    const conditions = [
      ...seqRange(TABLE.name, filter),
      ...windowRange(filter),
      ...filters(filter),
      ...timeRange(filter),
    ];
    if (filter.search !== undefined) conditions.push(searchCondition(TABLE.searched, filter.search, 'postgres'));
    return Promise.resolve(pageStatement(TABLE, 'postgres', filter, conditions));
  }

  bounds(range: { from?: number; to?: number }): Statement {
    return boundsStatement(TABLE.name, seqRange(TABLE.name, range));
  }

  between(range: SeqRange): Statement {
    return betweenStatement(MESSAGES, 'postgres', range);
  }

  byId(id: string): Statement {
    return { sql: `SELECT ${selectList(TABLE)} FROM mcp_log WHERE id = ?`, values: [id] };
  }

  pair(row: McpLogRow): Statement {
    const { order, direction, kinds } = halfOf(row);
    const near = `SELECT seq, rpc_id, direction, kind FROM mcp_log WHERE tool_id = ? AND seq ${order === 'asc' ? '>' : '<'} ?
      ORDER BY seq ${order} LIMIT ${PAIR_REACH}`;
    const nearest = `SELECT seq FROM (${near}) AS near WHERE rpc_id = ? AND direction = ? AND ${within('kind', kinds).sql}
      ORDER BY seq ${order} LIMIT 1`;
    return {
      sql: `SELECT ${selectList(TABLE)} FROM mcp_log WHERE seq = (${nearest})`,
      values: [row.toolId, row.seq, row.rpcId, direction, ...kinds],
    };
  }

  neighbours({ row, order, count, scope }: Neighbours): Statement {
    const same =
      row.sessionId === null
        ? condition('tool_id = ? AND session_id IS NULL', row.toolId)
        : condition('session_id = ?', row.sessionId);
    const page = { order, after: row.seq, limit: count - 1 };
    return pageStatement(TABLE, 'postgres', page, [same, ...filters({ scope })]);
  }
}

/** A partial index is used only where its condition follows from what is asked, so that stands here as text. */
function filters(filter: Partial<McpLogFilter>): Condition[] {
  const { sessionId, target, method, kind, toolId, toolName, direction, minDurationMs, scope } = filter;
  return [
    ...(sessionId === undefined ? [] : [condition('session_id = ?', sessionId)]),
    ...(target === undefined ? [] : [condition('target = ?', target)]),
    ...(method === undefined ? [] : [condition('method = ?', method)]),
    ...(method === undefined || method === 'tools/call' ? [] : [condition(`method <> 'tools/call'`)]),
    ...(kind === undefined
      ? []
      : [kind === 'error' || kind === 'notification' ? condition(`kind = '${kind}'`) : condition('kind = ?', kind)]),
    ...(toolId === undefined ? [] : [condition('tool_id = ?', toolId)]),
    // An empty scope is nothing, not everything.
    ...(scope === undefined ? [] : [within('tool_id', scope)]),
    ...(toolName === undefined ? [] : [condition('tool_name = ?', toolName)]),
    ...(direction === undefined ? [] : [condition('direction = ?', direction)]),
    ...(minDurationMs === undefined ? [] : [condition('duration_ms >= ?', minDurationMs)]),
    ...(minDurationMs === undefined || minDurationMs < 10 ? [] : [condition('duration_ms >= 10')]),
  ];
}

function within(column: string, values: readonly string[]): Condition {
  return values.length === 0
    ? condition('1 = 0')
    : condition(`${column} IN (${values.map(() => '?').join(', ')})`, ...values);
}
