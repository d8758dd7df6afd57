import type { Client } from 'pg';
import type { LogName } from './log-batch';
import { TABLE_OF, type Upkeep, type UpkeepDone } from './log-store';

const LOGS = ['mcp', 'system'] as const;
/** Rows that tell how large one is, from each end of a log; and for how long that is believed. */
const SAMPLE_ROWS = 300;
const SAMPLE_MS = 60_000;

/** Deletes from the logs in PostgreSQL. Space is given back by its own autovacuum: to the tables, for the rows to come. */
export class PostgresUpkeep {
  private rowBytes: { at: number; bytes: Record<LogName, number> } | null = null;

  constructor(private readonly client: Client) {}

  async run(work: Upkeep): Promise<Omit<UpkeepDone, 'isBehind'>> {
    const began = performance.now();
    let deleted = 0;
    if (work.task === 'delete') deleted = await this.delete(work);
    else if (work.task === 'finish') await this.forgetNames();
    const tookMs = performance.now() - began;
    const oldest = { mcp: await this.oldest('mcp'), system: await this.oldest('system') };
    return { deleted, tookMs, freePages: 0, storedBytes: await this.storedBytes(), oldest };
  }

  private async delete({ log, before, limit }: Upkeep & { task: 'delete' }): Promise<number> {
    if (limit === 0) return 0;
    const table = TABLE_OF[log];
    const { rowCount } = await this.client.query(
      `DELETE FROM ${table} WHERE seq IN
        (SELECT seq FROM ${table} ${before === null ? '' : 'WHERE at < $2'} ORDER BY at, seq LIMIT $1)`,
      before === null ? [limit] : [limit, before],
    );
    return rowCount ?? 0;
  }

  private async forgetNames(): Promise<void> {
    await this.client.query(
      'DELETE FROM mcp_log_name n WHERE NOT EXISTS (SELECT 1 FROM mcp_log m WHERE m.tool_id = n.tool_id)',
    );
  }

  private async oldest(log: LogName): Promise<number | null> {
    const { rows } = await this.client.query<{ at: string | null }>(`SELECT min(at) AS at FROM ${TABLE_OF[log]}`);
    const at = rows[0]?.at ?? null;
    return at === null ? null : Number(at);
  }

  /**
   * A table does not shrink when rows are deleted, so its size says nothing of when to stop: what counts is how many rows
   * there are and what one takes, its part of the indexes included.
   */
  private async storedBytes(): Promise<number> {
    const bytes = await this.bytesOfARow();
    let sum = 0;
    for (const log of LOGS) {
      const { rows } = await this.client.query<{ n: string; total: string }>(
        `SELECT COALESCE(max(seq) - min(seq) + 1, 0) AS n, pg_total_relation_size('${TABLE_OF[log]}') AS total
         FROM ${TABLE_OF[log]}`,
      );
      sum += Math.min(Number(rows[0]?.n) * bytes[log], Number(rows[0]?.total));
    }
    return Math.round(sum);
  }

  private async bytesOfARow(): Promise<Record<LogName, number>> {
    const now = performance.now();
    if (this.rowBytes === null || now - this.rowBytes.at > SAMPLE_MS) {
      this.rowBytes = { at: now, bytes: { mcp: await this.sample('mcp'), system: await this.sample('system') } };
    }
    return this.rowBytes.bytes;
  }

  private async sample(log: LogName): Promise<number> {
    const table = TABLE_OF[log];
    const end = (order: string) => `(SELECT * FROM ${table} ORDER BY seq ${order} LIMIT ${SAMPLE_ROWS})`;
    const { rows } = await this.client.query<{ bytes: string | null; share: string }>(
      `SELECT avg(pg_column_size(r.*)) AS bytes,
         pg_total_relation_size('${table}')::float8 / greatest(pg_table_size('${table}'), 1) AS share
       FROM (${end('ASC')} UNION ALL ${end('DESC')}) r`,
    );
    return Number(rows[0]?.bytes ?? 0) * Number(rows[0]?.share ?? 1);
  }
}
