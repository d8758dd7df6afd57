import { statSync } from 'node:fs';
import BetterSqlite3, { type Database, type Statement } from 'better-sqlite3';
import type { NumberedMessage } from '../database/message-chunk';
import { BatchChunks } from './batch-chunks';
import { SYSTEM_COLUMNS } from './log-columns';
import { type LogEntryRow, type LogName, PLACE, type RowValues } from './log-batch';
import { Ballast } from './ballast';
import type { MessageBatch } from './message-batch';
import type { Redaction } from './redaction';
import { readMarks, SqliteRollUp } from './sqlite-roll-up.repository';
import { type LogState, type LogStore, noteTime, NOTHING, TABLE_OF, type Upkeep, type UpkeepDone } from './log-store';
import { SqliteNames } from './sqlite-names.repository';
import { SqliteMessages } from './sqlite-messages.repository';
import { SqliteUpkeep } from './sqlite-upkeep.repository';
import { giveWay } from './thread-priority';

/** How long a lock of another process is waited for: longer, and the rows go to the spool. */
const BUSY_TIMEOUT_MS = 250;
/** Pages in the journal before they go to the file: the last page of an index is changed by every commit, and copied once. */
const CHECKPOINT_PAGES = 4_000;
/** What is written is not read again, but for the ends of its indexes: the driver's own 16 MB would only be filled. */
const CACHE_KIB = 2_048;
/** Of any other failure the connection does not survive: a new one asks anew what is stored. */
const TRANSIENT = /^SQLITE_(BUSY|LOCKED|FULL)/;

interface Opened {
  /** The file itself, whatever is under its name later. */
  inode: number;
  database: Database;
  messages: SqliteMessages;
  insertLine: Statement;
  rememberClock: Statement;
  states: Record<LogName, LogState>;
  names: SqliteNames;
  upkeep: SqliteUpkeep;
  rollUp: SqliteRollUp;
}

/** Writes the log file of SQLite. For the writer's thread: every call blocks. */
export class SqliteLogStore implements LogStore {
  private opened: Opened | null = null;

  constructor(
    private readonly file: string,
    private readonly ballast = new Ballast(`${file}.ballast`),
  ) {}

  write(rows: readonly LogEntryRow[]): Promise<(number | null)[]> {
    // What the driver throws goes on as it is: its `code` says whether another try can help.
    return new Promise((resolve) => resolve(this.writeRows(rows)));
  }

  writeMessages(batch: MessageBatch, redaction: Redaction): Promise<number | null> {
    return new Promise((resolve) => {
      const chunks = new BatchChunks(batch, redaction);
      resolve(chunks.isRegular ? this.writeChunks(chunks) : null);
    });
  }

  upkeep(work: Upkeep): Promise<UpkeepDone> {
    return new Promise((resolve) => resolve(this.upkeepNow(work)));
  }

  isRefusal(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    return typeof code === 'string' && /^SQLITE_(CONSTRAINT_(NOTNULL|CHECK)|MISMATCH|TOOBIG)/.test(code);
  }

  rollUp(): Promise<boolean> {
    return new Promise((resolve) => resolve(this.rollUpNow()));
  }

  get notRolledUp(): number {
    return this.opened?.rollUp.state.batch.size ?? 0;
  }

  close(): Promise<void> {
    this.opened?.database.close();
    this.opened = null;
    return Promise.resolve();
  }

  private writeRows(rows: readonly LogEntryRow[]): (number | null)[] {
    const {
      result: numbers,
      before,
      after,
    } = this.inTransaction(({ messages, insertLine, names }, next) => {
      const seen = new Set(messages.storedIds(rows));
      const packed: NumberedMessage[] = [];
      const given: (number | null)[] = [];
      for (const { log, values } of rows) {
        const state = next[log];
        const isNew = log === 'mcp' ? isFirst(seen, values) : insertLine.run(state.nextSeq, ...values).changes === 1;
        if (isNew && log === 'mcp') packed.push({ seq: state.nextSeq, values });
        given.push(isNew ? state.nextSeq++ : null);
        noteTime(state, Number(values[PLACE.at]));
        if (log === 'mcp') names.note(values[PLACE.toolName], values[PLACE.toolId]);
      }
      messages.insert(packed);
      return given;
    });
    this.opened?.rollUp.state.note(rows, numbers, before, after);
    return numbers;
  }

  private writeChunks(batch: BatchChunks): number | null {
    const {
      result: isWritten,
      before,
      after,
    } = this.inTransaction(({ messages, names }, next) => {
      if (messages.hasTail(batch.idTail)) return false;
      messages.insertPacked(batch.pack(next.mcp));
      for (const { toolName, toolId } of batch.contexts) names.note(toolName, toolId);
      return true;
    });
    if (!isWritten) return null;
    this.opened?.rollUp.state.noteMessages((counts) => batch.count(counts), before.mcp, after.mcp);
    return after.mcp - before.mcp;
  }

  /** Gives what `work` gives, and the next number of each log before and after it. @throws when nothing was written */
  private inTransaction<T>(work: (opened: Opened, next: Record<LogName, LogState>) => T) {
    // What SQLite does not see (F51): rows written to a file that somebody has taken away would be gone.
    if (this.opened !== null && inodeOf(this.file) !== this.opened.inode) void this.close();
    this.opened ??= open(this.file);
    const { database, rememberClock, states, names } = this.opened;
    const next = { mcp: { ...states.mcp }, system: { ...states.system } };
    let result: T;
    database.exec('BEGIN IMMEDIATE');
    try {
      result = work(this.opened, next);
      for (const log of ['mcp', 'system'] as const) {
        if (next[log].backMs > states[log].backMs) rememberClock.run(TABLE_OF[log], next[log].backMs);
      }
      database.exec('COMMIT');
    } catch (error) {
      // A full disk may have rolled it back already.
      if (database.inTransaction) database.exec('ROLLBACK');
      names.rolledBack();
      this.recover(error);
    }
    this.opened.states = next;
    names.committed();
    giveWay();
    return { result, before: nextOf(states), after: nextOf(next) };
  }

  private upkeepNow(work: Upkeep): UpkeepDone {
    try {
      return this.upkeepOnce(work);
    } catch (error) {
      if (codeOf(error) !== 'SQLITE_FULL' || !this.ballast.release()) throw error;
      return this.upkeepOnce(work);
    }
  }

  private upkeepOnce(work: Upkeep): UpkeepDone {
    const isBehind = this.rollUpNow();
    this.opened ??= open(this.file);
    const { upkeep, names } = this.opened;
    try {
      const done = upkeep.run(isBehind ? NOTHING : work);
      if (work.task === 'finish') {
        names.clear();
        this.ballast.hold();
      }
      return { ...done, isBehind };
    } catch (error) {
      this.recover(error);
    }
  }

  private rollUpNow(): boolean {
    this.opened ??= open(this.file);
    const { rollUp, states } = this.opened;
    try {
      return rollUp.run(nextOf(states));
    } catch (error) {
      this.recover(error);
    }
  }

  private recover(error: unknown): never {
    if (!TRANSIENT.test(codeOf(error))) void this.close();
    throw error;
  }
}

function open(file: string): Opened {
  const database = new BetterSqlite3(file, { fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('journal_size_limit = 67108864');
    database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.pragma(`cache_size = -${CACHE_KIB}`);
    const messages = new SqliteMessages(database);
    const states = { mcp: readState(database, 'mcp', messages.readNewest()), system: readState(database, 'system') };
    return {
      inode: inodeOf(file),
      database,
      messages,
      insertLine: prepareInsert(database),
      rememberClock: database.prepare(
        'INSERT INTO log_clock VALUES (?, ?) ON CONFLICT (log) DO UPDATE SET back_ms = excluded.back_ms',
      ),
      states,
      rollUp: new SqliteRollUp(database, messages, nextOf(states)),
      names: new SqliteNames(database),
      upkeep: new SqliteUpkeep(database, messages),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** 0 where there is no such file. */
function inodeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}

/** Whether a message did not come before; notes that it did now. */
function isFirst(seen: Set<unknown>, values: RowValues): boolean {
  const id = values[PLACE.id];
  if (seen.has(id)) return false;
  seen.add(id);
  return true;
}

function prepareInsert(database: Database): Statement {
  const columns = SYSTEM_COLUMNS.map(({ name }) => name);
  const places = columns.map(() => '?').join(', ');
  return database.prepare(
    `INSERT INTO system_log (${columns.join(', ')}) VALUES (${places}) ON CONFLICT (id) DO NOTHING`,
  );
}

function readState(database: Database, log: LogName, newest = newestLine(database)): LogState {
  const backMs = database.prepare('SELECT back_ms FROM log_clock WHERE log = ?').pluck().get(TABLE_OF[log]);
  // A number is never given twice, also when all rows were deleted: cursors and marks point behind it.
  const first = Math.max(newest.seq ?? 0, readMarks(database)[log]);
  return { nextSeq: first + 1, latest: newest.at ?? 0, backMs: Number(backMs ?? 0) };
}

function newestLine(database: Database): { seq: number | null; at: number | null } {
  const newest = (column: string) => database.prepare(`SELECT max(${column}) FROM system_log`).pluck().get();
  return { seq: newest('seq') as number | null, at: newest('at') as number | null };
}

function nextOf({ mcp, system }: Record<LogName, LogState>): Record<LogName, number> {
  return { mcp: mcp.nextSeq, system: system.nextSeq };
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
