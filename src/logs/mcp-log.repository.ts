import { Injectable } from '@nestjs/common';
import {
  betweenStatement,
  boundsStatement,
  condition,
  type LogTable,
  pageStatement,
  readBounds,
  seqRange,
  timeRange,
  readRow,
  searchCondition,
  selectList,
  type SeqRange,
  windowRange,
} from '../database/log-query';
import { readPages, type SeqWindow } from '../database/log-reading';
import { Reader, type ReadOptions, type Statement } from '../database/reader';
import { MCP_COLUMNS } from './log-columns';
import type { McpLogRow } from './mcp-log.entity';
import { indexedFilters, type McpLogFilter, pick, plainFilters, probe } from './mcp-log-plan';

const TABLE: LogTable = { name: 'mcp_log', columns: MCP_COLUMNS, searched: ['payload'] };
/** Without what messages say: most of the bytes. */
const MESSAGES: LogTable = { ...TABLE, columns: MCP_COLUMNS.filter(({ property }) => property !== 'payload') };
/** Rows of a tool that are looked through for the other half of an exchange. */
const PAIR_REACH = 20_000;
/** Bytes that `iterate` reads at once, and what a row has of them beside its payload. */
const PAGE_BYTES = 512 * 1024;
const ROW_BYTES = 400;

/** Reads the log of MCP messages, in the threads or at the server that the reader has for it. */
@Injectable()
export class McpLogRepository {
  constructor(private readonly reader: Reader) {}

  /** One row more than `limit`, so that the caller knows whether there is a next page. @throws QueryTooSlowError */
  async list(filter: McpLogFilter): Promise<McpLogRow[]> {
    return this.rows(await this.statement(filter));
  }

  /** How `list` asks for a page: for it, and for who measures it. */
  async statement(filter: McpLogFilter): Promise<Statement> {
    const { dialect } = this.reader;
    const conditions = [
      ...seqRange(TABLE.name, filter),
      ...windowRange(filter),
      ...indexedFilters(filter).flatMap((candidate) => candidate.conditions),
      ...plainFilters(filter),
      ...timeRange(filter),
    ];
    if (filter.search !== undefined) conditions.push(searchCondition(TABLE.searched, filter.search, dialect));
    return pageStatement(TABLE, dialect, filter, conditions, await this.index(filter));
  }

  /** All rows that match, page by page; what comes meanwhile is not among them. */
  iterate(filter: Omit<McpLogFilter, 'limit'>): AsyncGenerator<McpLogRow[]> {
    return readPages({
      order: filter.order,
      bounds: async () =>
        readBounds(await this.reader.query(boundsStatement(TABLE.name, seqRange(TABLE.name, filter)))),
      page: async (window, limit) =>
        this.rows(await this.statement({ ...filter, window, limit: limit - 1 }), { maxBytes: PAGE_BYTES }),
      sizeOf: ({ payload }) => ROW_BYTES + (payload?.length ?? 0),
    });
  }

  /** The rows after one, up to another one, in the order of their commits, without their payloads. */
  async between(range: SeqRange): Promise<Omit<McpLogRow, 'payload'>[]> {
    const rows = await this.reader.query(betweenStatement(MESSAGES, this.reader.dialect, range));
    return rows.map((row) => readRow(MESSAGES, row) as unknown as Omit<McpLogRow, 'payload'>);
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  async bounds(): Promise<SeqWindow> {
    return readBounds(await this.reader.query(boundsStatement(TABLE.name, []))) ?? { first: 0, last: 0 };
  }

  async findById(id: string): Promise<McpLogRow | null> {
    const select = `SELECT ${selectList(TABLE)} FROM mcp_log WHERE id = ?`;
    const [row] = await this.rows({ sql: select, values: [id] });
    return row ?? null;
  }

  /** The other half: the answer to a request, or the request of an answer; null for notifications and where there is none. */
  async findPair(row: McpLogRow): Promise<McpLogRow | null> {
    if (row.rpcId === null || row.kind === 'notification') return null;
    const isRequest = row.kind === 'request';
    const order = isRequest ? 'ASC' : 'DESC';
    const near = `SELECT seq, rpc_id, direction, kind FROM mcp_log WHERE tool_id = ? AND seq ${isRequest ? '>' : '<'} ?
      ORDER BY seq ${order} LIMIT ${PAIR_REACH}`;
    const nearest = `SELECT seq FROM (${near}) AS near WHERE rpc_id = ? AND direction = ? AND
      kind ${isRequest ? `IN ('response', 'error')` : `= 'request'`} ORDER BY seq ${order} LIMIT 1`;
    const [pair] = await this.rows({
      sql: `SELECT ${selectList(TABLE)} FROM mcp_log WHERE seq = (${nearest})`,
      values: [row.toolId, row.seq, row.rpcId, row.direction === 'to-server' ? 'from-server' : 'to-server'],
    });
    return pair ?? null;
  }

  /**
   * What came just before and after in the same session (of a client; else of the tool itself), in order. `scope`: of these
   * tools alone; a session of a client may reach others as well.
   */
  async neighbours(
    row: McpLogRow,
    count: number,
    scope?: string[],
  ): Promise<{ before: McpLogRow[]; after: McpLogRow[] }> {
    const same =
      row.sessionId === null
        ? condition('tool_id = ? AND session_id IS NULL', row.toolId)
        : condition('session_id = ?', row.sessionId);
    const conditions = [same, ...plainFilters({ scope })];
    const index = row.sessionId === null ? 'ix_mcp_log_tool_seq' : 'ix_mcp_log_session_seq';
    const side = (order: 'asc' | 'desc') =>
      this.rows(
        pageStatement(TABLE, this.reader.dialect, { order, after: row.seq, limit: count - 1 }, conditions, index),
      );
    const [before, after] = await Promise.all([side('desc'), side('asc')]);
    return { before: before.reverse(), after };
  }

  /** Ids of the tools that were ever recorded under a name. */
  async toolIdsNamed(name: string): Promise<string[]> {
    const statement = { sql: 'SELECT tool_id FROM mcp_log_name WHERE tool_name = ?', values: [name] };
    return (await this.reader.query(statement)).map((row) => String(row['tool_id']));
  }

  /** The index to walk along. SQLite knows nothing of how common a value is, so it is asked for a small count first. */
  private async index(filter: McpLogFilter): Promise<string | undefined> {
    if (this.reader.dialect !== 'sqlite') return undefined;
    const possible = indexedFilters(filter);
    if (possible.length === 0) return undefined;
    const [counts] = await this.reader.query(
      probe(possible, [...seqRange(TABLE.name, filter), ...windowRange(filter)]),
    );
    return pick(possible, counts ?? {});
  }

  private async rows(statement: Statement, options?: ReadOptions): Promise<McpLogRow[]> {
    // The columns are those of the row, by the list that both are made from.
    return (await this.reader.query(statement, options)).map((row) => readRow(TABLE, row) as unknown as McpLogRow);
  }
}
