import type { ChunkQuery } from '../database/chunk-query';
import { type Condition, condition, type LogTable, searchCondition, type SeqRange } from '../database/log-query';
import { KEY } from '../database/chunk-keys';
import { ID_TAIL_FROM } from '../database/message-columns';
import type { Reader, Statement } from '../database/reader';
import {
  chunkConditions,
  chunkRange,
  insideConditions,
  keysOf,
  messagesOfChunks,
  messagesOfKey,
} from './chunk-conditions';
import { MCP_COLUMNS, MESSAGE_COLUMNS } from './log-columns';
import type { McpLogRow } from './mcp-log.entity';
import { halfOf, joined, type McpLogFilter, type MessageStatements, type Neighbours } from './message-statements';

/** Numbers that are looked through for the other half of an exchange. */
const PAIR_REACH = 50_000;
/** So many chunks are counted at most to tell which key is the rarest. */
const MOST_COUNTED = 500;

/** Asks SQLite, where some hundred messages are one row: it finds the chunks, and `mcp_rows` what is asked for in them. */
export class ChunkStatements implements MessageStatements {
  constructor(private readonly reader: Reader) {}

  async page({ search, limit, ...filter }: McpLogFilter): Promise<Statement> {
    // Letters beyond ASCII are known to the reader alone.
    const isAscii = search === undefined || /^[\x20-\x7e]+$/.test(search);
    const query = { ...queryOf(filter), ...(isAscii ? { search } : {}) };
    const found = isAscii ? [] : [searchCondition(['m.payload'], search, 'sqlite')];
    return statement(query, { keys: await this.rarestFirst(query), found, limit: limit + 1 });
  }

  bounds(range: { from?: number; to?: number }): Statement {
    const { sql, values } = joined([condition('1 = 1'), ...chunkRange(range), ...chunkConditions(range)]);
    const chunks = `FROM mcp_chunk AS c NOT INDEXED WHERE ${sql} ORDER BY c.first`;
    return {
      sql: `SELECT (SELECT c.first ${chunks} LIMIT 1) AS first, (SELECT c.last ${chunks} DESC LIMIT 1) AS last`,
      values: [...values, ...values],
    };
  }

  between({ after, upTo, limit }: SeqRange): Statement {
    return statement({ order: 'asc', first: after + 1, last: upTo, payload: false }, { limit });
  }

  /** An id is found by the end that it shares with its batch, or by itself: which of them, the chunk knows. */
  byId(id: string): Statement {
    return {
      sql: `SELECT ${columnsOf(MCP_COLUMNS)} FROM ${messagesOfKey({ id })} WHERE k.key IN (?, ?) LIMIT 1`,
      values: [JSON.stringify({ id }), KEY.id(id), KEY.tail(id.slice(ID_TAIL_FROM))],
    };
  }

  /** Only of the one that is found the payload is unpacked. */
  pair({ seq, toolId, rpcId, ...row }: McpLogRow): Statement {
    const { order, ...half } = halfOf({ seq, toolId, rpcId, ...row });
    const reach =
      order === 'asc'
        ? { first: seq + 1, last: seq + PAIR_REACH }
        : { first: Math.max(0, seq - PAIR_REACH), last: seq - 1 };
    const query = { ...half, ...reach, order, toolId, rpcId: rpcId ?? '', payload: false };
    const near = statement(query, { columns: 'm.seq, c.first', limit: 1 });
    return {
      sql: `WITH near(seq, chunk) AS (${near.sql}) SELECT ${columnsOf(MCP_COLUMNS)}
        FROM near CROSS JOIN mcp_chunk AS c NOT INDEXED ON c.first = near.chunk
        CROSS JOIN mcp_rows(c.first, c.head, c.cells, c.payloads, json_object('first', near.seq, 'last', near.seq)) AS m`,
      values: near.values,
    };
  }

  neighbours({ row, order, count, scope }: Neighbours): Statement {
    const side = order === 'asc' ? { first: row.seq + 1 } : { last: row.seq - 1 };
    const same = row.sessionId === null ? { toolId: row.toolId, sessionId: null } : { sessionId: row.sessionId };
    return statement({ order, scope, ...side, ...same }, { limit: count });
  }

  /** Nobody knows how common a value is, so some chunks of each are counted first. */
  private async rarestFirst(query: ChunkQuery): Promise<string[]> {
    const keys = keysOf(query);
    if (keys.length < 2) return keys;
    const range = joined([condition('k.key = ?'), ...chunkRange(query, 'k.first')]);
    const counts = keys.map(
      (_, place) =>
        `(SELECT count(*) FROM (SELECT 1 FROM mcp_chunk_key AS k WHERE ${range.sql} LIMIT ${MOST_COUNTED})) AS c${place}`,
    );
    const values = keys.flatMap((key) => [key, ...range.values]);
    const [row] = await this.reader.query({ sql: `SELECT ${counts.join(', ')}`, values });
    const counted = keys.map((key, place) => ({ key, count: Number(row?.[`c${place}`]) }));
    return counted.sort((a, b) => a.count - b.count).map(({ key }) => key);
  }
}

interface Asked {
  /** Those of the chunks, the one that is walked along first; those of the query if not said. */
  keys?: readonly string[];
  columns?: string;
  /** What is asked of a message beyond the query. */
  found?: readonly Condition[];
  limit: number;
}

/** Messages in the order of their numbers. */
function statement(query: ChunkQuery, { keys = keysOf(query), columns, found = [], limit }: Asked): Statement {
  const [key, ...others] = keys;
  const chunk = key === undefined ? 'c.first' : 'k.first';
  const { sql, values } = joined([
    // First, so that every chunk that is looked at looks at the clock.
    condition('within_limit()'),
    ...(key === undefined ? [] : [condition('k.key = ?', key)]),
    ...chunkRange(query, chunk),
    ...chunkConditions(query),
    ...insideConditions(query, others),
    ...found,
  ]);
  return {
    sql: `SELECT ${columns ?? columnsOf(query.payload === false ? MESSAGE_COLUMNS : MCP_COLUMNS)}
      FROM ${key === undefined ? messagesOfChunks(query) : messagesOfKey(query)}
      WHERE ${sql} ORDER BY ${chunk} ${query.order === 'desc' ? 'DESC' : 'ASC'} LIMIT ?`,
    values: [JSON.stringify(query), ...values, limit],
  };
}

function queryOf({ window, after, kind, ...same }: Omit<McpLogFilter, 'limit' | 'search'>): ChunkQuery {
  const isDescending = same.order === 'desc';
  const first = Math.max(window?.first ?? 0, !isDescending && after !== undefined ? after + 1 : 0);
  const last = Math.min(window?.last ?? Infinity, isDescending && after !== undefined ? after - 1 : Infinity);
  return {
    ...same,
    ...(first > 0 ? { first } : {}),
    ...(last < Infinity ? { last } : {}),
    ...(kind === undefined ? {} : { kinds: [kind] }),
  };
}

function columnsOf(columns: LogTable['columns']): string {
  return columns.map(({ name, property }) => `m.${name} AS "${property}"`).join(', ');
}
