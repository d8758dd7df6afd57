import type { Client } from 'pg';
import { LatencySketch } from '../metrics/latency-sketch';
import { MCP_COLUMNS, SYSTEM_COLUMNS } from './log-columns';
import type { LogName, RowValues } from './log-batch';
import type { McpRollupRow } from './log-rollup.entity';
import { TABLE_OF } from './log-store';
import { ROLL_UP_STEPS, RollUpAges } from './roll-up-ages';
import { mergeDurations } from './roll-up-batch';
import { ADDED_COLUMNS, CALL_COLUMNS, READ_COLUMNS } from './roll-up-columns';
import { ROLL_UP_ROWS, RollUpState } from './roll-up-state';

const LOGS = ['mcp', 'system'] as const;

/** Writes the roll-ups into PostgreSQL, by the writer's own connection. */
export class PostgresRollUp {
  private readonly scratch = new LatencySketch();

  private constructor(
    private readonly client: Client,
    readonly state: RollUpState,
    private readonly ages: RollUpAges,
  ) {}

  static async open(client: Client, next: Record<LogName, number>): Promise<PostgresRollUp> {
    const marks = await readMarks(client);
    const { rows } = await client.query<{ newest: string | null }>('SELECT max(at) AS newest FROM log_rollup');
    const newest = rows[0]?.newest ?? null;
    const ages = new RollUpAges(newest === null ? null : Number(newest), Date.now(), performance.now());
    return new PostgresRollUp(client, new RollUpState(marks, next), ages);
  }

  /** Writes down what was counted, and counts what was not; true: more is to be counted. @throws when nothing was written */
  async run(next: Record<LogName, number>): Promise<boolean> {
    for (const log of LOGS) await this.readOn(log, next[log]);
    const isBehind = LOGS.some((log) => this.state.isBehind(log));
    if (this.state.batch.size === 0) return isBehind;
    await this.client.query('BEGIN');
    await this.writeCounted();
    await this.deleteOld();
    await this.client.query('COMMIT');
    this.state.written();
    return isBehind;
  }

  private async readOn(log: LogName, next: number): Promise<void> {
    if (!this.state.isBehind(log)) return;
    const columns = (log === 'mcp' ? MCP_COLUMNS : SYSTEM_COLUMNS).slice(0, READ_COLUMNS[log]);
    const { rows } = await this.client.query<[string, ...RowValues]>({
      text: `SELECT ${columns.map(({ name }) => name).join(', ')} FROM ${TABLE_OF[log]} WHERE seq > $1 ORDER BY seq LIMIT $2`,
      values: [this.state.upTo(log), ROLL_UP_ROWS],
      rowMode: 'array',
    });
    const read = rows.map(([seq, ...values]) => ({ log, seq: Number(seq), values }));
    this.state.noteRead(log, read, next, read.length < ROLL_UP_ROWS);
  }

  private async writeCounted(): Promise<void> {
    const { batch, keys } = this.state;
    for (const day of batch.days) {
      if (keys.knows(day)) continue;
      const { rows } = await this.client.query<{ toolId: string; method: string | null; target: string | null }>(
        'SELECT tool_id AS "toolId", method, target FROM mcp_rollup WHERE step = 86400 AND at = $1',
        [day],
      );
      keys.learn(day, rows);
    }
    const counts = batch.countRows();
    await this.client.query(
      `INSERT INTO log_rollup AS known (log, step, at, part, entries, errors)
       SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
       ON CONFLICT (log, step, at, part)
       DO UPDATE SET entries = known.entries + excluded.entries, errors = known.errors + excluded.errors`,
      (['log', 'step', 'at', 'part', 'entries', 'errors'] as const).map((name) => counts.map((row) => row[name])),
    );
    await this.writeCalls(batch.callRows(keys));
    for (const log of LOGS) {
      await this.client.query(
        'INSERT INTO log_rollup_mark VALUES ($1, $2) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq',
        [log, this.state.upTo(log)],
      );
    }
  }

  private async writeCalls(calls: McpRollupRow[]): Promise<void> {
    if (calls.length === 0) return;
    const { rows } = await this.client.query<{ step: number; at: string; key: string; durations: string }>(
      `SELECT step, at, key, durations FROM mcp_rollup
       WHERE (step, at, key) IN (SELECT * FROM unnest($1::integer[], $2::bigint[], $3::text[]))`,
      (['step', 'at', 'key'] as const).map((name) => calls.map((row) => row[name])),
    );
    const stored = new Map(rows.map(({ step, at, key, durations }) => [`${step}|${at}|${key}`, durations]));
    const merged = calls.map((row) => ({
      ...row,
      durations: mergeDurations(this.scratch, stored.get(`${row.step}|${row.at}|${row.key}`) ?? '', row.durations),
    }));
    const lists = CALL_COLUMNS.map(({ list }, place) => `$${place + 1}::${list}[]`).join(', ');
    await this.client.query(
      `INSERT INTO mcp_rollup AS known (${CALL_COLUMNS.map(({ name }) => name).join(', ')})
       SELECT * FROM unnest(${lists}) ON CONFLICT (step, at, key) DO UPDATE SET
       tool_name = excluded.tool_name, durations = excluded.durations,
       ${ADDED_COLUMNS.map((name) => `${name} = known.${name} + excluded.${name}`).join(', ')}`,
      CALL_COLUMNS.map(({ property }) => merged.map((row) => row[property])),
    );
  }

  /** A piece at a time: there is another one after the next roll-up. */
  private async deleteOld(): Promise<void> {
    for (const { step, keptMs, pieceMs } of ROLL_UP_STEPS) {
      const cutoff = this.ages.cutoff(keptMs, Date.now(), performance.now());
      for (const table of ['mcp_rollup', 'log_rollup']) {
        await this.client.query(
          `DELETE FROM ${table} WHERE step = $1 AND at < LEAST($2::bigint, (SELECT min(at) FROM ${table} WHERE step = $1) + $3)`,
          [step, Math.floor(cutoff), pieceMs],
        );
      }
    }
  }
}

/** The last row of each log that is in the roll-ups. */
export async function readMarks(client: Client): Promise<Record<LogName, number>> {
  const { rows } = await client.query<{ log: string; seq: string }>('SELECT log, seq FROM log_rollup_mark');
  const mark = (name: LogName) => Number(rows.find(({ log }) => log === name)?.seq ?? 0);
  return { mcp: mark('mcp'), system: mark('system') };
}
