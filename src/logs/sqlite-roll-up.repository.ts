import type { Database, Statement } from 'better-sqlite3';
import { LatencySketch } from '../metrics/latency-sketch';
import { SYSTEM_COLUMNS } from './log-columns';
import type { LogName, RowValues } from './log-batch';
import { ROLL_UP_STEPS, RollUpAges } from './roll-up-ages';
import { mergeDurations } from './roll-up-batch';
import { ADDED_COLUMNS, CALL_COLUMNS, READ_COLUMNS } from './roll-up-columns';
import { ROLL_UP_ROWS, RollUpState } from './roll-up-state';
import type { SqliteMessages } from './sqlite-messages.repository';

type CallOfDay = { toolId: string; method: string | null; target: string | null };

/** Writes the roll-ups of SQLite's log file, by the writer's own connection. */
export class SqliteRollUp {
  readonly state: RollUpState;
  private readonly scratch = new LatencySketch();
  private readonly ages: RollUpAges;
  private readonly readLines: Statement;
  private readonly addCount: Statement;
  private readonly addCalls: Statement;
  private readonly durations: Statement;
  private readonly callsOfDay: Statement;
  private readonly setMark: Statement;

  constructor(
    private readonly database: Database,
    private readonly messages: SqliteMessages,
    next: Record<LogName, number>,
  ) {
    this.state = new RollUpState(readMarks(database), next);
    const newest = database.prepare('SELECT max(at) FROM log_rollup').pluck().get() as number | null;
    this.ages = new RollUpAges(newest, Date.now(), performance.now());
    this.readLines = prepareRead(database);
    this.addCount = database.prepare(`INSERT INTO log_rollup (log, step, at, part, entries, errors)
      VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (log, step, at, part)
      DO UPDATE SET entries = entries + excluded.entries, errors = errors + excluded.errors`);
    const columns = CALL_COLUMNS.map(({ name }) => name);
    this.addCalls = database.prepare(`INSERT INTO mcp_rollup (${columns.join(', ')})
      VALUES (${columns.map(() => '?').join(', ')}) ON CONFLICT (step, at, key) DO UPDATE SET
      tool_name = excluded.tool_name, durations = excluded.durations,
      ${ADDED_COLUMNS.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`);
    this.durations = database.prepare('SELECT durations FROM mcp_rollup WHERE step = ? AND at = ? AND key = ?').pluck();
    this.callsOfDay = database.prepare(
      'SELECT tool_id AS toolId, method, target FROM mcp_rollup WHERE step = 86400 AND at = ?',
    );
    this.setMark = database.prepare(
      'INSERT INTO log_rollup_mark VALUES (?, ?) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq',
    );
  }

  /** Writes down what was counted, and counts what was not; true: more is to be counted. @throws when nothing was written */
  run(next: Record<LogName, number>): boolean {
    for (const log of ['mcp', 'system'] as const) this.readOn(log, next[log]);
    const isBehind = this.state.isBehind('mcp') || this.state.isBehind('system');
    if (this.state.batch.size === 0) return isBehind;
    this.database.exec('BEGIN IMMEDIATE');
    try {
      this.writeCounted();
      this.deleteOld();
      this.database.exec('COMMIT');
    } catch (error) {
      if (this.database.inTransaction) this.database.exec('ROLLBACK');
      this.state.keys.clear();
      throw error;
    }
    this.state.written();
    return isBehind;
  }

  private readOn(log: LogName, next: number): void {
    if (!this.state.isBehind(log)) return;
    const rows = this.rowsBehind(log, this.state.upTo(log)).map((row) => ({ log, ...row }));
    this.state.noteRead(log, rows, next, rows.length < ROLL_UP_ROWS);
  }

  private rowsBehind(log: LogName, seq: number): { seq: number; values: RowValues }[] {
    if (log === 'mcp') return this.messages.readBehind(seq, ROLL_UP_ROWS);
    const lines = this.readLines.all(seq, ROLL_UP_ROWS) as [number, ...RowValues][];
    return lines.map(([number, ...values]) => ({ seq: number, values }));
  }

  private writeCounted(): void {
    const { batch, keys } = this.state;
    for (const day of batch.days) {
      if (!keys.knows(day)) keys.learn(day, this.callsOfDay.all(day) as CallOfDay[]);
    }
    for (const { log, step, at, part, entries, errors } of batch.countRows())
      this.addCount.run(log, step, at, part, entries, errors);
    for (const row of batch.callRows(keys)) {
      const stored = this.durations.get(row.step, row.at, row.key) as string | undefined;
      const merged = { ...row, durations: mergeDurations(this.scratch, stored ?? '', row.durations) };
      this.addCalls.run(...CALL_COLUMNS.map(({ property }) => merged[property]));
    }
    for (const log of ['mcp', 'system'] as const) this.setMark.run(log, this.state.upTo(log));
  }

  /** A piece at a time: there is another one after the next roll-up. */
  private deleteOld(): void {
    for (const { step, keptMs, pieceMs } of ROLL_UP_STEPS) {
      const cutoff = this.ages.cutoff(keptMs, Date.now(), performance.now());
      for (const [table, where] of [
        ['mcp_rollup', 'step = ?'],
        ['log_rollup', `log = 'mcp' AND step = ?`],
        ['log_rollup', `log = 'system' AND step = ?`],
      ] as const) {
        const oldest = this.database.prepare(`SELECT min(at) FROM ${table} WHERE ${where}`).pluck().get(step) as
          number | null;
        if (oldest === null || oldest >= cutoff) continue;
        this.database
          .prepare(`DELETE FROM ${table} WHERE ${where} AND at < ?`)
          .run(step, Math.min(cutoff, oldest + pieceMs));
      }
    }
  }
}

function prepareRead(database: Database): Statement {
  const columns = SYSTEM_COLUMNS.slice(0, READ_COLUMNS.system).map(({ name }) => name);
  return database.prepare(`SELECT ${columns.join(', ')} FROM system_log WHERE seq > ? ORDER BY seq LIMIT ?`).raw();
}

/** The last row of each log that is in the roll-ups. */
export function readMarks(database: Database): Record<LogName, number> {
  const mark = database.prepare('SELECT seq FROM log_rollup_mark WHERE log = ?').pluck();
  return { mcp: Number(mark.get('mcp') ?? 0), system: Number(mark.get('system') ?? 0) };
}
