import type { Client } from 'pg';
import { MCP_COLUMNS, SYSTEM_COLUMNS } from './log-columns';
import { type LogEntryRow, type LogName, PLACE, type RowValues } from './log-batch';
import { type LogState, type LogStore, noteTime, NOTHING, TABLE_OF, type Upkeep, type UpkeepDone } from './log-store';
import { PostgresRollUp, readMarks } from './postgres-roll-up.repository';
import { PostgresUpkeep } from './postgres-upkeep.repository';

const CONNECT_TIMEOUT_MS = 2_000;
/** A batch that takes longer goes to the spool; the server gives it up as well. */
const WRITE_TIMEOUT_MS = 3_000;
const COLUMNS = { mcp: MCP_COLUMNS, system: SYSTEM_COLUMNS };
const TYPES = { text: 'text', integer: 'bigint', real: 'double precision', boolean: 'boolean' };
const LOGS = ['mcp', 'system'] as const;

interface Opened {
  client: Client;
  states: Record<LogName, LogState>;
  names: Set<string>;
  upkeep: PostgresUpkeep;
  rollUp: PostgresRollUp;
}

/** Writes the logs into PostgreSQL, by one connection of its own: rows are numbered in the order of their commits. */
export class PostgresLogStore implements LogStore {
  private opened: Opened | null = null;

  constructor(private readonly url: string) {}

  async write(rows: readonly LogEntryRow[]): Promise<(number | null)[]> {
    this.opened ??= await this.open();
    const { client, states, names, rollUp } = this.opened;
    try {
      const next = { mcp: { ...states.mcp }, system: { ...states.system } };
      const newNames = new Map<string, [string, string]>();
      for (const { log, values } of rows) {
        noteTime(next[log], Number(values[PLACE.at]));
        if (log === 'system') continue;
        const pair: [string, string] = [String(values[PLACE.toolName]), String(values[PLACE.toolId])];
        const name = pair.join('\n');
        if (!names.has(name)) newNames.set(name, pair);
      }
      await client.query('BEGIN');
      const numbers = new Map<LogEntryRow, number>();
      for (const log of LOGS) await insert(client, log, rows, next[log], numbers);
      for (const pair of newNames.values()) {
        await client.query('INSERT INTO mcp_log_name VALUES ($1, $2) ON CONFLICT DO NOTHING', pair);
      }
      for (const log of LOGS.filter((name) => next[name].backMs > states[name].backMs)) {
        await client.query(
          'INSERT INTO log_clock VALUES ($1, $2) ON CONFLICT (log) DO UPDATE SET back_ms = excluded.back_ms',
          [TABLE_OF[log], next[log].backMs],
        );
      }
      await client.query('COMMIT');
      this.opened.states = next;
      for (const name of newNames.keys()) names.add(name);
      const given = rows.map((row) => numbers.get(row) ?? null);
      rollUp.state.note(rows, given, nextOf(states), nextOf(next));
      return given;
    } catch (error) {
      // Whatever state it is in: a new connection asks anew what is stored.
      await this.close();
      throw error;
    }
  }

  /** Its server unpacks no chunks. */
  writeMessages(): Promise<null> {
    return Promise.resolve(null);
  }

  async upkeep(work: Upkeep): Promise<UpkeepDone> {
    const isBehind = await this.rollUp();
    this.opened ??= await this.open();
    const { names, upkeep } = this.opened;
    try {
      const done = await upkeep.run(isBehind ? NOTHING : work);
      // Written again with the next row of each: those without rows are forgotten.
      if (work.task === 'finish') names.clear();
      return { ...done, isBehind };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async rollUp(): Promise<boolean> {
    this.opened ??= await this.open();
    const { rollUp, states } = this.opened;
    try {
      return await rollUp.run(nextOf(states));
    } catch (error) {
      // Nobody knows whether it was committed: a new connection asks.
      await this.close();
      throw error;
    }
  }

  get notRolledUp(): number {
    return this.opened?.rollUp.state.batch.size ?? 0;
  }

  isRefusal(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return typeof code === 'string' && /^(22|54|23502|23514)/.test(code);
  }

  async close(): Promise<void> {
    const { opened } = this;
    this.opened = null;
    if (!opened) return;
    // A server that does not answer would not take leave either.
    const socket = (opened.client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream;
    const timer = setTimeout(() => socket.destroy(), 500);
    await opened.client.end().catch(() => undefined);
    clearTimeout(timer);
  }

  private async open(): Promise<Opened> {
    const pg = await import('pg');
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'mcps-one log writer',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: WRITE_TIMEOUT_MS,
      statement_timeout: WRITE_TIMEOUT_MS,
    });
    // Unheard, the end of the connection would end the thread.
    client.on('error', () => {
      if (this.opened?.client === client) this.opened = null;
    });
    try {
      await client.connect();
      const names = await client.query<{ tool_name: string; tool_id: string }>('SELECT * FROM mcp_log_name');
      const states = { mcp: await readState(client, 'mcp'), system: await readState(client, 'system') };
      return {
        client,
        states,
        rollUp: await PostgresRollUp.open(client, nextOf(states)),
        names: new Set(names.rows.map((row) => `${row.tool_name}\n${row.tool_id}`)),
        upkeep: new PostgresUpkeep(client),
      };
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
  }
}

/** One statement for all rows of a log: a list for each column. */
async function insert(
  client: Client,
  log: LogName,
  rows: readonly LogEntryRow[],
  state: LogState,
  numbers: Map<LogEntryRow, number>,
): Promise<void> {
  const own = rows.filter((row) => row.log === log);
  if (own.length === 0) return;
  const columns = COLUMNS[log];
  const first = state.nextSeq;
  const lists: RowValues[] = columns.map((_, place) =>
    own.map(({ values }, index) => (place === 0 ? first + index : (values[place - 1] ?? null))),
  );
  const given = columns.map(({ type }, place) => `$${place + 1}::${TYPES[type]}[]`).join(', ');
  const { rows: stored } = await client.query<{ seq: string }>({
    name: `insert ${log}`,
    text: `INSERT INTO ${TABLE_OF[log]} (${columns.map(({ name }) => name).join(', ')})
      SELECT * FROM unnest(${given}) ON CONFLICT (id) DO NOTHING RETURNING seq`,
    values: lists,
  });
  for (const { seq } of stored) {
    const row = own[Number(seq) - first];
    if (row) numbers.set(row, Number(seq));
  }
  state.nextSeq = first + own.length;
}

async function readState(client: Client, log: LogName): Promise<LogState> {
  const table = TABLE_OF[log];
  const { rows } = await client.query<{ seq: string | null; at: string | null; back: string | null }>(
    `SELECT (SELECT max(seq) FROM ${table}) AS seq,
       (SELECT max(at) FROM ${table}) AS at,
       (SELECT back_ms FROM log_clock WHERE log = $1) AS back`,
    [table],
  );
  const [state] = rows;
  // A number is never given twice, also when all rows were deleted: cursors and marks point behind it.
  const last = Math.max(Number(state?.seq ?? 0), (await readMarks(client))[log]);
  return { nextSeq: last + 1, latest: Number(state?.at ?? 0), backMs: Number(state?.back ?? 0) };
}

function nextOf({ mcp, system }: Record<LogName, LogState>): Record<LogName, number> {
  return { mcp: mcp.nextSeq, system: system.nextSeq };
}
