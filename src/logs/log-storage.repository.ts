import { Injectable } from '@nestjs/common';
import { Reader, type ReadRow } from '../database/reader';

export interface StoredLog {
  rows: number;
  bytes: number;
}

export type StoredLogs = Record<'system' | 'operations' | 'mcp', StoredLog>;

const TABLES = { system: 'system_log', operations: 'operation_log', mcp: 'mcp_log' } as const;
/** The texts that make a row long. */
const LONG = { system: ['message', 'data'], operations: ['changes'], mcp: ['payload', 'target'] } as const;
/** What a row takes beside them, its indexes included; a chunk of messages is one. */
const OVERHEAD_BYTES = 400;
/** Rows, evenly spread, from which the size of all is told. */
const SAMPLE = 400;
const POINTS = `WITH RECURSIVE points(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM points WHERE n < ${SAMPLE})`;

/** Tells how much the logs hold, without reading them: that would take seconds. */
@Injectable()
export class LogStorageRepository {
  constructor(private readonly reader: Reader) {}

  async read(): Promise<StoredLogs> {
    const [system, operations, mcp] = await Promise.all([
      this.estimate('system'),
      this.estimate('operations'),
      this.reader.dialect === 'sqlite' ? this.estimateChunks() : this.estimate('mcp'),
    ]);
    return this.reader.dialect === 'postgres'
      ? this.onPostgres({ system, operations, mcp })
      : this.onSqlite({ system, operations, mcp });
  }

  /**
   * Rows are numbered one by one and deleted from the front, so the numbers tell how many there are. Their size is that of
   * a sample.
   */
  private async estimate(log: keyof typeof TABLES): Promise<StoredLog> {
    const table = TABLES[log];
    const length = LONG[log].map((column) => `COALESCE(octet_length(${column}), 0)`).join(' + ');
    const at = `(SELECT min(seq) FROM ${table}) + n * ((SELECT max(seq) FROM ${table}) - (SELECT min(seq) FROM ${table})) / ${SAMPLE}`;
    const [row] = await this.reader.query({
      sql: `${POINTS} SELECT (SELECT min(seq) FROM ${table}) AS first, (SELECT max(seq) FROM ${table}) AS last, avg(size) AS size
        FROM (SELECT (SELECT ${length} FROM ${table} WHERE seq >= ${at} ORDER BY seq LIMIT 1) AS size FROM points) AS sample`,
      values: [],
    });
    return estimateOf(row, OVERHEAD_BYTES);
  }

  /** A message takes its part of its chunk. */
  private async estimateChunks(): Promise<StoredLog> {
    const [first, last] = ['(SELECT min(first) FROM mcp_chunk)', '(SELECT max(first) FROM mcp_chunk)'];
    const ends = `SELECT last FROM mcp_chunk WHERE first = ${last}`;
    const size = `(octet_length(head) + octet_length(cells) + octet_length(payloads) + ${OVERHEAD_BYTES}.0) / rows`;
    const [row] = await this.reader.query({
      sql: `${POINTS} SELECT ${first} AS first, (${ends}) AS last, avg(size) AS size
        FROM (SELECT (SELECT ${size} FROM mcp_chunk WHERE first <= ${first} + n * ((${ends}) - ${first}) / ${SAMPLE}
          ORDER BY first DESC LIMIT 1) AS size FROM points) AS sample`,
      values: [],
    });
    return estimateOf(row, 0);
  }

  /** The two logs share a file: its size is theirs, each by what its rows say. */
  private async onSqlite(estimated: StoredLogs): Promise<StoredLogs> {
    const pragma = async (name: string) => {
      const [row] = await this.reader.query({ sql: `PRAGMA logs.${name}`, values: [] });
      return Number(row?.[name]);
    };
    const used = ((await pragma('page_count')) - (await pragma('freelist_count'))) * (await pragma('page_size'));
    const { system, mcp } = estimated;
    const share = used / Math.max(1, system.bytes + mcp.bytes);
    const sized = ({ rows, bytes }: StoredLog) => ({ rows, bytes: Math.round(bytes * share) });
    return { ...estimated, system: sized(system), mcp: sized(mcp) };
  }

  private async onPostgres(estimated: StoredLogs): Promise<StoredLogs> {
    const names = ['system', 'operations', 'mcp'] as const;
    const sizes = names.map((name) => `pg_total_relation_size('${TABLES[name]}') AS ${name}`);
    const [row] = await this.reader.query({ sql: `SELECT ${sizes.join(', ')}`, values: [] });
    const sized = (name: (typeof names)[number]) => ({
      rows: estimated[name].rows,
      bytes: estimated[name].rows === 0 ? 0 : Number(row?.[name]),
    });
    return { system: sized('system'), operations: sized('operations'), mcp: sized('mcp') };
  }
}

function estimateOf(row: ReadRow | undefined, overhead: number): StoredLog {
  if ((row?.['last'] ?? null) === null) return { rows: 0, bytes: 0 };
  const rows = Number(row?.['last']) - Number(row?.['first']) + 1;
  return { rows, bytes: Math.round(rows * (Number(row?.['size']) + overhead)) };
}
