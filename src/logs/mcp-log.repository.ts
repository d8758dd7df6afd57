import { Injectable } from '@nestjs/common';
import { type LogTable, readBounds, readRow, type SeqRange } from '../database/log-query';
import { readPages, type SeqWindow } from '../database/log-reading';
import { Reader, type ReadOptions, type Statement } from '../database/reader';
import { ChunkStatements } from './chunk-statements';
import { MCP_COLUMNS, MESSAGE_COLUMNS } from './log-columns';
import type { McpLogRow } from './mcp-log.entity';
import type { McpLogFilter, MessageStatements } from './message-statements';
import { RowStatements } from './row-statements';

const TABLE: LogTable = { name: 'mcp_log', columns: MCP_COLUMNS, searched: ['payload'] };
/** Without what messages say. */
const MESSAGES: LogTable = { ...TABLE, columns: MESSAGE_COLUMNS };
/** Bytes that `iterate` reads at once, and what a row has of them beside its payload. */
const PAGE_BYTES = 512 * 1024;
const ROW_BYTES = 400;

/** Reads the log of MCP messages, in the threads or at the server that the reader has for it. */
@Injectable()
export class McpLogRepository {
  private readonly statements: MessageStatements;

  constructor(private readonly reader: Reader) {
    this.statements = reader.dialect === 'sqlite' ? new ChunkStatements(reader) : new RowStatements();
  }

  /** One row more than `limit`, so that the caller knows whether there is a next page. @throws QueryTooSlowError */
  async list(filter: McpLogFilter): Promise<McpLogRow[]> {
    return this.rows(await this.statement(filter));
  }

  /** How `list` asks for a page: for it, and for who measures it. */
  statement(filter: McpLogFilter): Promise<Statement> {
    return this.statements.page(filter);
  }

  /** All rows that match, page by page; what comes meanwhile is not among them. */
  iterate(filter: Omit<McpLogFilter, 'limit'>): AsyncGenerator<McpLogRow[]> {
    return readPages({
      order: filter.order,
      bounds: async () => readBounds(await this.reader.query(this.statements.bounds(filter))),
      page: async (window, limit) =>
        this.rows(await this.statement({ ...filter, window, limit: limit - 1 }), { maxBytes: PAGE_BYTES }),
      sizeOf: ({ payload }) => ROW_BYTES + (payload?.length ?? 0),
    });
  }

  /** The rows after one, up to another one, in the order of their commits, without their payloads. */
  async between(range: SeqRange): Promise<Omit<McpLogRow, 'payload'>[]> {
    const rows = await this.reader.query(this.statements.between(range));
    return rows.map((row) => readRow(MESSAGES, row) as unknown as Omit<McpLogRow, 'payload'>);
  }

  /** The numbers of the oldest and the newest row; 0 where there is none. */
  async bounds(): Promise<SeqWindow> {
    return readBounds(await this.reader.query(this.statements.bounds({}))) ?? { first: 0, last: 0 };
  }

  async findById(id: string): Promise<McpLogRow | null> {
    const [row] = await this.rows(this.statements.byId(id));
    return row ?? null;
  }

  /** The other half: the answer to a request, or the request of an answer; null for notifications and where there is none. */
  async findPair(row: McpLogRow): Promise<McpLogRow | null> {
    if (row.rpcId === null || row.kind === 'notification') return null;
    const [pair] = await this.rows(this.statements.pair(row));
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
    const side = (order: 'asc' | 'desc') => this.rows(this.statements.neighbours({ row, order, count, scope }));
    const [before, after] = await Promise.all([side('desc'), side('asc')]);
    return { before: before.reverse(), after };
  }

  /** Ids of the tools that were ever recorded under a name. */
  async toolIdsNamed(name: string): Promise<string[]> {
    const statement = { sql: 'SELECT tool_id FROM mcp_log_name WHERE tool_name = ?', values: [name] };
    return (await this.reader.query(statement)).map((row) => String(row['tool_id']));
  }

  private async rows(statement: Statement, options?: ReadOptions): Promise<McpLogRow[]> {
    // The columns are those of the row, by the list that both are made from.
    return (await this.reader.query(statement, options)).map((row) => readRow(TABLE, row) as unknown as McpLogRow);
  }
}
