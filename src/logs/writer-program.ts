import { type LogEntryRow, type LogName, type Loss, PLACE } from './log-batch';
import type { LogStore } from './log-store';
import type { BatchContent, CommittedRow, WriterMessage, WriterRequest, WriterState } from './log-writer.types';
import { Losses, lossesOf, markerRow } from './losses';
import { toMcpRows } from './mcp-row';
import { Redaction } from './redaction';
import type { Spool } from './spool';
import { spoolRows } from './spool-rows';

export interface WriterPorts {
  store: LogStore;
  spool: Spool;
  say: (message: WriterMessage) => void;
  /** Epoch milliseconds. */
  now: () => number;
}

type TimerName = 'replay' | 'sync' | 'marker' | 'rollUp';

/** Rows taken from the spool at once. */
const REPLAY_ROWS = 500;
const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 2_000;
const SYNC_MS = 100;
/**
 * With so many records waiting (half of what the queue holds) the database is too slow for what comes: the spool takes them
 * in a third of the time. Not before: a row that goes by way of the spool costs half as much again.
 */
const MOST_BACKLOG = 25_000;
/** Under such a load the spool is brought home in pauses. */
const BUSY_BACKLOG = 1_000;
const BUSY_PAUSE_MS = 50;
/** Rows are added to the roll-ups so long after the first of them at the latest, or when so many wait. */
const ROLL_UP_MS = 5_000;
const ROLL_UP_ROWS = 5_000;
/** What an older version has left is rolled up in pauses. */
const ROLL_UP_PAUSE_MS = 20;
/** So long nothing more must be lost before what was lost is written down, as one row. */
const QUIET_MS = 2_000;

/**
 * Takes batches of log records and sees to it that they are stored, in their order: masks and formats them, writes them to
 * the database, or, while that does not take them, to the spool, and from there to the database. Only what finds no room
 * there either is given up: first payloads, then rows, counted and told in a row of the system log.
 */
export class WriterProgram {
  private readonly redaction = new Redaction();
  private readonly losses = new Losses();
  private readonly written: Record<LogName, number> = { mcp: 0, system: 0 };
  private turn: Promise<void> = Promise.resolve();
  private isBehind: boolean;
  private isFollowed = false;
  private isBusy = false;
  private isClosing = false;
  private spooled = 0;
  private oldestAt: number | null = null;
  private flushMs = 0;
  private retryMs = RETRY_FIRST_MS;
  private lastLossAt = 0;
  private isRollingUp = true;
  private readonly timers: Partial<Record<TimerName, NodeJS.Timeout>> = {};

  constructor(private readonly ports: WriterPorts) {
    // What an earlier run has left comes first.
    this.isBehind = !ports.spool.isEmpty;
    if (this.isBehind) this.schedule('replay', 0, () => this.replay());
    this.schedule('rollUp', ROLL_UP_PAUSE_MS, () => this.rollUp());
  }

  /** One request after the other, in the order they came; never rejects. */
  handle(request: WriterRequest): void {
    if (request.type === 'protect') {
      // At once: what waits for its turn is to be masked by it as well.
      this.redaction.protect(request.toolId, request.values);
      return;
    }
    this.inTurn(async () => {
      if (request.type === 'write') await this.write(request);
      else if (request.type === 'follow') this.follow(request.on);
      else if (request.type === 'upkeep') await this.upkeep(request);
      else await this.close();
    });
  }

  private inTurn(work: () => Promise<void>): void {
    this.turn = this.turn.then(work);
  }

  private schedule(name: TimerName, afterMs: number, work: () => Promise<void> | void): void {
    this.timers[name] ??= setTimeout(() => {
      this.timers[name] = undefined;
      this.inTurn(async () => {
        if (!this.isClosing) await work();
      });
    }, afterMs);
  }

  private async write({ batch, content, losses, backlog }: WriterRequest & { type: 'write' }): Promise<void> {
    this.isBusy = backlog > BUSY_BACKLOG;
    if (backlog > MOST_BACKLOG) this.fallBehind('more comes than it can write');
    if (losses.length > 0) this.remember(losses);
    if (!(await this.hasStored(content))) await this.keep(this.toRows(content));
    this.ports.say({ type: 'taken', batch, state: this.state() });
  }

  private follow(on: boolean): void {
    this.isFollowed = on;
    if (on) this.ports.say({ type: 'following' });
  }

  private toRows(content: BatchContent): LogEntryRow[] {
    const rows = content.log === 'mcp' ? toMcpRows(content.messages, this.redaction) : content.rows;
    return rows.map((values) => ({ log: content.log, values }));
  }

  /**
   * Stores messages without making rows of them, unless somebody wants to see these. Never throws: rows meet the same
   * trouble, and know what to do.
   */
  private async hasStored(content: BatchContent): Promise<boolean> {
    if (content.log !== 'mcp' || this.isBehind || this.isFollowed) return false;
    const began = performance.now();
    try {
      const count = await this.ports.store.writeMessages(content.messages, this.redaction);
      if (count === null) return false;
      this.flushMs = performance.now() - began;
      this.written.mcp += count;
    } catch {
      return false;
    }
    await this.rollUpSoon();
    return true;
  }

  private async keep(rows: LogEntryRow[]): Promise<void> {
    if (!this.isBehind) {
      try {
        await this.store(rows);
        return;
      } catch (error) {
        this.fallBehind(error instanceof Error ? error.message : String(error));
      }
    }
    this.spool(rows);
  }

  private fallBehind(reason: string): void {
    if (this.isBehind) return;
    this.isBehind = true;
    this.ports.say({ type: 'behind', reason });
    this.schedule('replay', this.retryMs, () => this.replay());
  }

  /** @throws when the database takes nothing at the moment; rows that it will never take are given up */
  private async store(rows: LogEntryRow[]): Promise<void> {
    const began = performance.now();
    try {
      const numbers = await this.ports.store.write(rows);
      this.flushMs = performance.now() - began;
      this.committed(rows, numbers);
      await this.rollUpSoon();
    } catch (error) {
      if (!this.ports.store.isRefusal(error)) throw error;
      const half = Math.ceil(rows.length / 2);
      if (rows.length === 1) this.lose(lossesOf(rows, 'refused', 'record', this.ports.now()));
      else for (const part of [rows.slice(0, half), rows.slice(half)]) await this.store(part);
    }
  }

  /** Also while rows go to the spool: on a full disk deleting is what helps. */
  private async upkeep({ number, work }: WriterRequest & { type: 'upkeep' }): Promise<void> {
    try {
      this.ports.say({ type: 'kept-up', number, done: await this.ports.store.upkeep(work) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.ports.say({ type: 'not-kept-up', number, reason });
    }
  }

  private committed(rows: LogEntryRow[], numbers: (number | null)[]): void {
    const committed: CommittedRow[] = [];
    for (const [index, row] of rows.entries()) {
      const seq = numbers[index] ?? null;
      if (seq === null) continue;
      this.written[row.log]++;
      if (this.isFollowed) committed.push({ ...withoutPayload(row), seq });
    }
    if (committed.length > 0) this.ports.say({ type: 'committed', rows: committed });
  }

  private async rollUpSoon(): Promise<void> {
    if (this.ports.store.notRolledUp >= ROLL_UP_ROWS) await this.rollUp();
    else this.schedule('rollUp', ROLL_UP_MS, () => this.rollUp());
  }

  /** Never throws: what can't be rolled up now is so later, from the rows. */
  private async rollUp(): Promise<void> {
    let isMore = false;
    try {
      // A database that is away has other things to do once it is back.
      if (this.isBehind) throw new Error('The spool comes first');
      isMore = await this.ports.store.rollUp();
    } catch {
      if (!this.isClosing) this.schedule('rollUp', ROLL_UP_MS, () => this.rollUp());
    }
    if (isMore && !this.isClosing) this.schedule('rollUp', ROLL_UP_PAUSE_MS, () => this.rollUp());
    if (isMore !== this.isRollingUp) {
      this.isRollingUp = isMore;
      this.ports.say({ type: 'state', state: this.state() });
    }
  }

  private spool(rows: LogEntryRow[]): void {
    const { kept, losses } = spoolRows(this.ports.spool, rows, this.ports.now());
    this.lose(losses);
    if (kept === 0) return;
    this.spooled += kept;
    this.oldestAt ??= Number(rows[0]?.values[PLACE.at]);
    this.schedule('sync', SYNC_MS, () => this.sync());
  }

  private sync(): void {
    try {
      this.ports.spool.sync();
    } catch {
      // It is in the file all the same, and outlives us, if not the machine.
    }
  }

  /** Brings the front of the spool to the database; goes on until nothing is left, or the database takes nothing. */
  private async replay(): Promise<void> {
    const { spool, say, now } = this.ports;
    try {
      const chunk = spool.read(REPLAY_ROWS);
      if (chunk.rows.length > 0) await this.store(chunk.rows);
      chunk.done();
      this.spooled = Math.max(0, this.spooled - chunk.rows.length);
      this.oldestAt = Number(chunk.rows.at(-1)?.values[PLACE.at] ?? this.oldestAt);
      if (chunk.damaged > 0) {
        const at = now();
        const loss = { log: 'mcp', tool: null, reason: 'damaged', what: 'record' } as const;
        this.lose([{ ...loss, count: chunk.damaged, from: this.oldestAt || at, to: at }]);
      }
      this.retryMs = RETRY_FIRST_MS;
    } catch {
      this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
      this.schedule('replay', this.retryMs, () => this.replay());
      return;
    }
    if (spool.isEmpty) {
      this.isBehind = false;
      this.spooled = 0;
      this.oldestAt = null;
      say({ type: 'caught-up' });
    } else this.schedule('replay', this.isBusy ? BUSY_PAUSE_MS : 0, () => this.replay());
    say({ type: 'state', state: this.state() });
  }

  private lose(losses: Loss[]): void {
    if (losses.length === 0) return;
    this.ports.say({ type: 'lost', losses });
    this.remember(losses);
  }

  private remember(losses: Loss[]): void {
    this.losses.add(losses);
    this.lastLossAt = performance.now();
    this.schedule('marker', QUIET_MS, () => this.mark());
  }

  /** One row for all that was lost, once nothing more is. */
  private async mark(): Promise<void> {
    if (this.losses.isEmpty) return;
    const quietMs = performance.now() - this.lastLossAt;
    if (this.isBehind || quietMs < QUIET_MS) {
      this.schedule('marker', QUIET_MS, () => this.mark());
      return;
    }
    await this.keep([markerRow(this.losses.take(), this.ports.now())]);
  }

  /** What is in the spool stays there for the next start. */
  private async close(): Promise<void> {
    this.isClosing = true;
    for (const timer of Object.values(this.timers)) clearTimeout(timer);
    if (!this.losses.isEmpty) await this.keep([markerRow(this.losses.take(), this.ports.now())]);
    this.sync();
    await this.rollUp();
    try {
      this.ports.spool.close();
      await this.ports.store.close();
    } finally {
      this.ports.say({ type: 'closed', state: this.state() });
    }
  }

  private state(): WriterState {
    return {
      written: { ...this.written },
      spooled: this.spooled,
      spoolBytes: this.ports.spool.bytes,
      oldestAt: this.oldestAt,
      flushMs: this.flushMs,
      isRollingUp: this.isRollingUp,
    };
  }
}

/** Who follows wants to know what passed, and payloads are most of the bytes that would be copied to the other thread. */
function withoutPayload({ log, values }: LogEntryRow): LogEntryRow {
  return { log, values: log === 'mcp' ? values.with(PLACE.payload, null) : values };
}
