import { Injectable } from '@nestjs/common';
import { boundsStatement, condition, type Condition, readBounds, seqRange, timeRange } from '../database/log-query';
import { Reader, type ReadRow, type SqlValue } from '../database/reader';
import { bucketSql } from '../metrics/latency-sketch';
import { chunkConditions, chunkRange, messagesOfChunks } from './chunk-conditions';
import type { StatsPlan, StatsSpan } from './log-stats-plan';
import { joined } from './message-statements';
import { ADDED_COLUMNS } from './roll-up-columns';

/** So many entries of a part of a log fell into a bucket. */
export interface CountedEntries {
  log: string;
  part: string;
  at: number;
  entries: number;
  errors: number;
}

/** Requests or notifications of one method and target: from the roll-ups, or, with one outcome and one duration, from rows. */
export interface CountedCalls {
  toolId: string;
  toolName: string;
  method: string | null;
  target: string | null;
  /** When the tool had this name last. */
  lastAt: number;
  /** In the order of `ADDED_COLUMNS`. */
  counts: number[];
  /** Encoded sketches, one after the other with `;` between. */
  sketches: string | null;
  /** The sketch's bucket of all of their durations. */
  bucket: number | null;
}

export interface CountedOperations {
  at: number;
  action: string;
  outcome: string;
  count: number;
}

/** What the columns of the one big statement are; a row has those of entries, those of calls, or both. */
const COLUMNS = [
  ...['log', 'part', 'at', 'entries', 'errors', 'tool_id', 'tool_name', 'method', 'target', 'last_at'],
  ...[...ADDED_COLUMNS, 'sketches', 'duration_bucket'],
];
const OUTCOMES = ['ok', 'tool_error', 'rpc_error', 'timeout', 'cancelled', 'transport_error'];

/** A SELECT and what its `?` are given. */
interface Part {
  sql: string;
  values: SqlValue[];
}

/** Counts what is in the logs: beside the event loop, from the roll-ups and from those rows that are not in there yet. */
@Injectable()
export class LogStatsRepository {
  constructor(private readonly reader: Reader) {}

  /** How many messages a time has at most. */
  async messagesBetween(from: number, to: number): Promise<number> {
    if (this.reader.dialect === 'sqlite') return this.messagesOfChunks(from, to);
    const bounds = readBounds(await this.reader.query(boundsStatement('mcp_log', seqRange('mcp_log', { from, to }))));
    return bounds === null ? 0 : bounds.last - bounds.first + 1;
  }

  /**
   * Entries by bucket and calls by method: by one statement, so that a roll-up that is written meanwhile is seen either as
   * rows or as counts. @throws QueryTooSlowError
   */
  async count(plan: StatsPlan): Promise<{ entries: CountedEntries[]; calls: CountedCalls[] }> {
    const parts = [
      ...plan.bucketSpans.map((span) => this.entriesOf(plan, span)),
      ...plan.callSpans.map((span) => callsOf(span)),
      this.rowsOfSystem(plan),
      this.rowsOfMessages(plan),
    ];
    const rows = await this.reader.query({
      sql: parts.map(({ sql }) => sql).join('\nUNION ALL\n'),
      values: parts.flatMap(({ values }) => values),
    });
    return {
      entries: rows.filter((row) => has(row, 'entries')).map(toEntries),
      calls: rows.filter((row) => has(row, 'tool_id') && has(row, 'ok')).map(toCalls),
    };
  }

  async countOperations(plan: StatsPlan): Promise<CountedOperations[]> {
    const index = this.reader.dialect === 'sqlite' ? 'INDEXED BY ix_operation_log_at_seq' : '';
    const rows = await this.reader.query({
      sql: `SELECT ${bucketOf(plan)} AS at, action, outcome, count(*) AS n FROM operation_log ${index}
        WHERE ${this.conditions(timeRange(plan)).sql} GROUP BY 1, 2, 3`,
      values: [plan.from, plan.to],
    });
    return rows.map((row) => ({
      at: Number(row['at']),
      action: String(row['action']),
      outcome: String(row['outcome']),
      count: Number(row['n']),
    }));
  }

  private async messagesOfChunks(from: number, to: number): Promise<number> {
    const { sql, values } = this.conditions([...chunkRange({ from, to }), ...chunkConditions({ from, to })]);
    const [row] = await this.reader.query({
      sql: `SELECT COALESCE(sum(c.rows), 0) AS n FROM mcp_chunk AS c NOT INDEXED WHERE ${sql}`,
      values,
    });
    return Number(row?.['n']);
  }

  private entriesOf(plan: StatsPlan, { step, from, to }: StatsSpan): Part {
    return {
      sql: select(
        { log: 'log', part: 'part', at: bucketOf(plan), entries: 'SUM(entries)', errors: 'SUM(errors)' },
        `FROM log_rollup WHERE log IN ('mcp', 'system') AND step = ? AND at >= ? AND at < ? GROUP BY log, part, ${bucketOf(plan)}`,
      ),
      values: [step, from, to],
    };
  }

  private rowsOfSystem(plan: StatsPlan): Part {
    const { sql, values } = this.notRolledUp('system_log', 'system', plan);
    return {
      sql: select(
        { log: `'system'`, part: 'CAST(severity AS text)', at: bucketOf(plan), entries: 'count(*)', errors: '0' },
        `FROM system_log ${this.hint} WHERE ${sql} GROUP BY severity, ${bucketOf(plan)}`,
      ),
      values,
    };
  }

  /** Each group of rows is an entry of its bucket and, where it is the end of requests or a notification, calls as well. */
  private rowsOfMessages(plan: StatsPlan): Part {
    const { sql: messages, values } =
      this.reader.dialect === 'sqlite' ? this.notRolledUpOfChunks(plan) : this.notRolledUpOfRows(plan);
    const isCall = `(outcome IS NOT NULL OR kind = 'notification')`;
    const ofCall = (column: string) => `CASE WHEN ${isCall} THEN ${column} END`;
    const rows = `SELECT ${bucketOf(plan)} AS bucket, at, ${ofCall('tool_id')} AS tool_id, ${ofCall('tool_name')} AS tool_name,
      ${ofCall('method')} AS method, ${ofCall('target')} AS target, outcome,
      CASE WHEN kind = 'notification' THEN 1 ELSE 0 END AS is_notification,
      CASE WHEN ${isCall} AND duration_ms >= 0 THEN ${bucketSql('duration_ms')} END AS duration_bucket
      FROM ${messages}`;
    const columns: Record<string, string> = {
      log: `'mcp'`,
      part: `''`,
      at: 'bucket',
      entries: 'count(*)',
      errors: `SUM(CASE WHEN outcome <> 'ok' THEN 1 ELSE 0 END)`,
      tool_id: 'tool_id',
      tool_name: 'tool_name',
      method: 'method',
      target: 'target',
      last_at: 'MAX(at)',
      notifications: 'SUM(is_notification)',
      duration_bucket: 'duration_bucket',
    };
    for (const outcome of OUTCOMES) {
      columns[outcome] = `SUM(CASE WHEN outcome = '${outcome}' AND is_notification = 0 THEN 1 ELSE 0 END)`;
    }
    return {
      sql: select(
        columns,
        `FROM (${rows}) AS counted GROUP BY bucket, tool_id, tool_name, method, target, duration_bucket`,
      ),
      values,
    };
  }

  private notRolledUpOfRows(plan: StatsPlan): Part {
    const { sql, values } = this.notRolledUp('mcp_log', 'mcp', plan);
    return { sql: `mcp_log WHERE ${sql}`, values };
  }

  private notRolledUpOfChunks(plan: StatsPlan): Part {
    const { from, to } = plan;
    const mark = markOf('mcp');
    const behind = `c.first >= (SELECT COALESCE(max(first), 0) FROM mcp_chunk WHERE first <= ${mark})`;
    const { sql, values } = this.conditions([
      ...(plan.source === 'rows' ? [] : [condition(behind), condition(`m.seq > ${mark}`)]),
      ...chunkRange({ from, to }),
      ...chunkConditions({ from, to }),
    ]);
    const query = { from, to, payload: false };
    return { sql: `${messagesOfChunks(query)} WHERE ${sql}`, values: [JSON.stringify(query), ...values] };
  }

  /** All rows of the time where they are counted themselves; else those behind the last roll-up. */
  private notRolledUp(table: string, log: string, plan: StatsPlan): Part {
    const behind = plan.source === 'rows' ? [] : [condition(`seq > ${markOf(log)}`)];
    return this.conditions([...behind, ...seqRange(table, plan), ...timeRange(plan)]);
  }

  private conditions(given: Condition[]): Part {
    // First, so that every row that is looked at looks at the clock.
    const { sql, values } = joined([
      ...(this.reader.dialect === 'sqlite' ? [condition('within_limit()')] : []),
      ...given,
    ]);
    return { sql, values: [...values] };
  }

  /** Along `seq`: every range here is one of it. */
  private get hint(): string {
    return this.reader.dialect === 'sqlite' ? 'NOT INDEXED' : '';
  }
}

/** The last number that the roll-ups have. */
function markOf(log: string): string {
  return `COALESCE((SELECT seq FROM log_rollup_mark WHERE log = '${log}'), 0)`;
}

function callsOf({ step, from, to }: StatsSpan): Part {
  const sums = Object.fromEntries(ADDED_COLUMNS.map((name) => [name, `SUM(${name})`]));
  return {
    sql: select(
      {
        tool_id: 'tool_id',
        tool_name: 'tool_name',
        method: 'method',
        target: 'target',
        last_at: 'MAX(at)',
        ...sums,
        sketches: `string_agg(durations, ';')`,
      },
      'FROM mcp_rollup WHERE step = ? AND at >= ? AND at < ? GROUP BY tool_id, tool_name, method, target',
    ),
    values: [step, from, to],
  };
}

const NUMBERS = new Set(['at', 'entries', 'errors', 'last_at', 'duration_bucket', ...ADDED_COLUMNS]);

/** All columns of the statement, NULL where this part has none; with types, which PostgreSQL can't guess of a NULL. */
function select(columns: Record<string, string>, rest: string): string {
  const list = COLUMNS.map((name) => {
    const type = NUMBERS.has(name) ? 'bigint' : 'text';
    return `CAST(${columns[name] ?? 'NULL'} AS ${type}) AS ${name}`;
  });
  return `SELECT ${list.join(', ')} ${rest}`;
}

function bucketOf({ bucketSeconds }: StatsPlan): string {
  return `(at - at % ${bucketSeconds * 1_000})`;
}

function has(row: ReadRow, column: string): boolean {
  return (row[column] ?? null) !== null;
}

function toEntries(row: ReadRow): CountedEntries {
  return {
    log: String(row['log']),
    part: String(row['part']),
    at: Number(row['at']),
    entries: Number(row['entries']),
    errors: Number(row['errors']),
  };
}

function toCalls(row: ReadRow): CountedCalls {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : null);
  return {
    toolId: String(row['tool_id']),
    toolName: String(row['tool_name']),
    method: text('method'),
    target: text('target'),
    lastAt: Number(row['last_at']),
    counts: ADDED_COLUMNS.map((name) => Number(row[name])),
    sketches: text('sketches'),
    bucket: has(row, 'duration_bucket') ? Number(row['duration_bucket']) : null,
  };
}
