import { Logger } from '@nestjs/common';
import { WaitingList } from '../common/waiting-list';
import type { DatabaseWriters } from '../database/database-writers';
import type { Loss, RowValues } from './log-batch';
import type { Upkeep, UpkeepDone } from './log-store';
import { Losses } from './losses';
import type { BatchContent, CommittedRow, WriterMessage, WriterState } from './log-writer.types';
import type { MessageBatch } from './message-batch';
import type { OpenLine, WriterLine } from './writer-line';

/** The same trouble is told once in so many milliseconds, and never by a row for each row. */
const TELL_EVERY_MS = 60_000;
const CLOSE_LIMIT_MS = 3_000;
/** A thread costs ten megabytes: one that has had nothing to do for so long ends, and the next batch starts another. */
const IDLE_MS = 10_000;
/**
 * To start one costs as much CPU as half of what an idle minute takes. One that has written messages stays over a longer
 * pause: tools run then, and silent ones are asked once a minute whether they are there. So does one that is started soon
 * after the last one has ended.
 */
const LONG_IDLE_MS = 90_000;
const SOON_MS = 120_000;
/** So many threads that failed within so long: another one is of no use. */
const FAILING_THREADS = 10;
const FAILING_WITHIN_MS = 60_000;

const NOTHING: WriterState = {
  written: { mcp: 0, system: 0 },
  spooled: 0,
  spoolBytes: 0,
  oldestAt: null,
  flushMs: 0,
  isRollingUp: false,
};

export type CommittedListener = (rows: readonly CommittedRow[]) => void;

/** A batch that is on its way. */
interface Handed {
  batch: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

interface Pending<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/**
 * The main thread's side of the log writer: hands it batches, knows what became of them, and starts its thread anew if that
 * should end. Nothing here waits, formats or touches a disk.
 */
export class LogWriter {
  private readonly logger = new Logger('Recorder');
  private line: WriterLine | null = null;
  private readonly secrets = new Map<string, string[]>();
  private readonly handed = new WaitingList<Handed>();
  private readonly upkeeps = new Map<number, Pending<UpkeepDone>>();
  private readonly allLosses = new Losses();
  private readonly untold = new Losses();
  private readonly listeners = new Set<CommittedListener>();
  private followers: (() => void)[] = [];
  /** How many times the thread was told to follow without having said yet that it does. */
  private unconfirmed = 0;
  private readonly intakes: (() => Promise<void>)[] = [];
  private readonly toldAt = new Map<string, number>();
  private state = NOTHING;
  /** Of threads that have ended. */
  private before = { mcp: 0, system: 0 };
  private lastBatch = 0;
  private closed: (() => void) | null = null;
  private isClosed = false;
  private idle: NodeJS.Timeout | null = null;
  private idleMs = IDLE_MS;
  /** When a thread was last ended because it had nothing to do. */
  private idledAt = -Infinity;
  /** When threads have failed, of late. */
  private failedAt: number[] = [];
  /** While other data is put into the place of ours. */
  private resting: Promise<void> | null = null;

  constructor(
    private readonly open: OpenLine,
    writers: DatabaseWriters,
    private readonly monotonic: () => number = () => performance.now(),
  ) {
    writers.register(() => this.close());
  }

  /** Rows of the system log. Resolves when they are out of our hands: stored, in the spool, or given up. @throws when they are not */
  writeRows(rows: RowValues[]): Promise<void> {
    return this.handOver({ log: 'system', rows }, 0);
  }

  /** As `writeRows`; the batch's memory is not to be touched until then. `backlog`: how many messages wait behind it. */
  writeMessages(messages: MessageBatch, backlog = 0): Promise<void> {
    return this.handOver({ log: 'mcp', messages }, backlog);
  }

  private handOver(content: BatchContent, backlog: number): Promise<void> {
    if (this.resting) return this.resting.then(() => this.handOver(content, backlog));
    const line = this.connect();
    if (this.idle) clearTimeout(this.idle);
    if (content.log === 'mcp') this.idleMs = LONG_IDLE_MS;
    const batch = ++this.lastBatch;
    return new Promise<void>((resolve, reject) => {
      this.handed.add({ batch, resolve, reject });
      line.post({ type: 'write', batch, content, losses: this.untold.take(), backlog });
    });
  }

  /**
   * Ends the thread once it has written what it was given, so that other data can be put into the place of its tables. What
   * comes until the result is called waits with who sends it.
   */
  async rest(): Promise<() => void> {
    let wake: () => void = () => undefined;
    this.resting = new Promise((resolve) => (wake = resolve));
    const { line } = this;
    if (line) {
      await this.ended(line, () => this.detach());
      // Of a thread that did not end in time: who gave them gives them again, and what was stored of them is passed over.
      this.giveBack(new Error('The thread that writes the logs was ended'));
    }
    return () => {
      this.resting = null;
      wake();
    };
  }

  /** Has the writer do a piece of work between two batches. @throws when nothing of it was done */
  upkeep(work: Upkeep): Promise<UpkeepDone> {
    if (this.resting) return this.resting.then(() => this.upkeep(work));
    const line = this.connect();
    if (this.idle) clearTimeout(this.idle);
    const number = ++this.lastBatch;
    return new Promise<UpkeepDone>((resolve, reject) => {
      this.upkeeps.set(number, { resolve, reject });
      line.post({ type: 'upkeep', number, work });
    });
  }

  /** Values of a tool that are not stored from now on, in place of those said before. */
  protect(toolId: string, values: string[]): void {
    this.secrets.set(toolId, values);
    this.line?.post({ type: 'protect', toolId, values });
  }

  /** Counts what was given up before it reached the writer; it is told with the next batch. */
  lost(loss: Loss): void {
    this.allLosses.add([loss]);
    this.untold.add([loss]);
    this.tell('lost', () => this.logger.warn('Log records are lost: more come than can be written'));
  }

  /** Rows as they are committed, in their order, with their numbers, without payloads. Returns how to stop listening. */
  onCommitted(listener: CommittedListener): () => void {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.follow(true);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.follow(false);
    };
  }

  /**
   * Resolves when every row that is committed from then on is told to who listens: what the thread had taken before it
   * heard of a listener is in the database by then, and told to nobody.
   */
  following(): Promise<void> {
    if (this.unconfirmed === 0) return Promise.resolve();
    return new Promise((resolve) => this.followers.push(resolve));
  }

  private follow(on: boolean): void {
    if (this.line === null) return;
    if (on) this.unconfirmed++;
    this.line.post({ type: 'follow', on });
  }

  private confirmed(unconfirmed: number): void {
    this.unconfirmed = unconfirmed;
    if (unconfirmed > 0) return;
    for (const resolve of this.followers.splice(0)) resolve();
  }

  /** Those who hand over batches: asked for the last ones before the writer ends. */
  registerIntake(close: () => Promise<void>): void {
    this.intakes.push(close);
  }

  get current(): WriterState {
    const { mcp, system } = this.state.written;
    return { ...this.state, written: { mcp: this.before.mcp + mcp, system: this.before.system + system } };
  }

  /** What was lost since the start, by log, tool and reason. */
  get losses(): Loss[] {
    return this.allLosses.list();
  }

  /** Whether its thread can be kept alive: not when one after the other fails. */
  get isFailing(): boolean {
    const since = this.monotonic() - FAILING_WITHIN_MS;
    return this.failedAt.filter((at) => at > since).length >= FAILING_THREADS;
  }

  /** Starts the thread if there is none: also to replay what an earlier run has left. */
  connect(): WriterLine {
    if (this.line) return this.line;
    if (this.isClosed) throw new Error('The log writer is closed');
    this.idleMs = this.monotonic() - this.idledAt < SOON_MS ? LONG_IDLE_MS : IDLE_MS;
    const line = this.open({
      onMessage: (message) => {
        if (this.line === line) this.onMessage(message);
      },
      onGone: (error) => this.onGone(line, error),
    });
    this.line = line;
    for (const [toolId, values] of this.secrets) line.post({ type: 'protect', toolId, values });
    if (this.listeners.size > 0) this.follow(true);
    return line;
  }

  private onMessage(message: WriterMessage): void {
    if ('state' in message) this.state = message.state;
    if (message.type === 'taken') {
      this.take(message.batch);
      this.endWhenIdle();
    } else if (message.type === 'kept-up' || message.type === 'not-kept-up') {
      const pending = this.upkeeps.get(message.number);
      this.upkeeps.delete(message.number);
      if (message.type === 'kept-up') pending?.resolve(message.done);
      else pending?.reject(new Error(message.reason));
      this.endWhenIdle();
    } else if (message.type === 'lost') {
      this.allLosses.add(message.losses);
      this.tell('lost', () => this.logger.warn('Log records are lost: neither the database nor the spool takes them'));
    } else if (message.type === 'committed') {
      for (const listener of this.listeners) listener(message.rows);
    } else if (message.type === 'following') {
      this.confirmed(this.unconfirmed - 1);
    } else if (message.type === 'behind') {
      const { reason } = message;
      this.tell('behind', () => this.logger.warn('The log database takes no rows; they wait in the spool', { reason }));
    } else if (message.type === 'caught-up') {
      this.endWhenIdle();
      this.tell('caught-up', () => this.logger.log('The log database has all rows that waited in the spool'));
    } else if (message.type === 'closed') {
      this.closed?.();
    }
  }

  /** A batch is out of our hands. */
  private take(batch: number): void {
    for (const handed of this.handed) {
      if (handed.batch !== batch) continue;
      this.handed.delete(handed);
      handed.resolve();
      return;
    }
  }

  /** Those who gave the batches that are on their way have them again. */
  private giveBack(error: Error): void {
    for (const handed of this.handed) {
      this.handed.delete(handed);
      handed.reject(error);
    }
  }

  private endWhenIdle(): void {
    if (this.idle) clearTimeout(this.idle);
    this.idle = setTimeout(() => {
      const { line } = this;
      const isBusy = this.handed.size > 0 || this.upkeeps.size > 0 || this.state.spoolBytes > 0;
      if (line === null || this.isClosed || isBusy) return;
      if (this.state.isRollingUp) {
        this.endWhenIdle();
        return;
      }
      this.idledAt = this.monotonic();
      this.detach();
      line.post({ type: 'close' });
    }, this.idleMs);
    this.idle.unref();
  }

  private detach(): void {
    this.line = null;
    this.confirmed(0);
    this.before = this.current.written;
    this.state = NOTHING;
  }

  private onGone(line: WriterLine, error: Error): void {
    if (this.line !== line) return;
    this.detach();
    this.closed?.();
    for (const { reject } of this.upkeeps.values()) reject(error);
    this.upkeeps.clear();
    if (this.isClosed) return;
    this.failedAt = [...this.failedAt.slice(1 - FAILING_THREADS), this.monotonic()];
    this.tell('gone', () =>
      this.logger.error('The thread that writes the logs has failed; another one takes over', error),
    );
    this.giveBack(error);
  }

  /** Trouble of the writer is a line of the log it can't write: rare, so that it never feeds itself. */
  private tell(what: string, say: () => void): void {
    const now = this.monotonic();
    const last = this.toldAt.get(what);
    if (last !== undefined && now - last < TELL_EVERY_MS) return;
    this.toldAt.set(what, now);
    say();
  }

  private async close(): Promise<void> {
    await Promise.allSettled(this.intakes.map((closeIntake) => closeIntake()));
    this.isClosed = true;
    if (this.idle) clearTimeout(this.idle);
    const { line } = this;
    if (!line) return;
    await this.ended(line, () => (this.line = null));
  }

  /** Lets a thread write what it has been given and end; ends it in any case, once it has been let go. */
  private async ended(line: WriterLine, letGo: () => void): Promise<void> {
    line.hold();
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        this.closed = resolve;
        line.post({ type: 'close' });
      }),
      new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_LIMIT_MS))),
    ]);
    clearTimeout(timer);
    letGo();
    for (const { reject } of this.upkeeps.values()) reject(new Error('The log writer is closed'));
    this.upkeeps.clear();
    await line.end();
  }
}
