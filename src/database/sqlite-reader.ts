import type { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import {
  QUERY_LIMIT_MS,
  QueryTooSlowError,
  Reader,
  type ReadOptions,
  type ReadRow,
  type Statement,
  TooManyQueriesError,
} from './reader';
import type { ReadAnswer, ReadingData, ReadRequest } from './sqlite-reader.types';
import { startWorker } from './worker-program';

/** Threads at most: a long search must not keep a short page waiting. */
const MAX_THREADS = 2;
const MAX_WAITING = 100;
/** A thread costs some megabytes: one that has nothing to do for so long ends. */
const IDLE_MS = 30_000;
/** How much longer than its limit a query is waited for, before its thread is given up. */
const GRACE_MS = 1_000;

interface Job {
  request: ReadRequest;
  resolve: (rows: ReadRow[]) => void;
  reject: (error: unknown) => void;
}

/** One thread and what it does. */
interface Thread {
  worker: Worker;
  job: Job | null;
  timer: NodeJS.Timeout | null;
}

/** Reads on SQLite, in threads that are started when they are needed: the driver blocks the thread it is called in. */
export class SqliteReader extends Reader {
  readonly dialect = 'sqlite';
  private readonly logger = new Logger(SqliteReader.name);
  private readonly threads = new Set<Thread>();
  private readonly waiting: Job[] = [];
  /** Threads on their way out: one ends only after the step of SQLite that it is in. */
  private readonly ending = new Set<Promise<unknown>>();

  constructor(
    private readonly data: ReadingData,
    private readonly idleMs = IDLE_MS,
    private readonly graceMs = GRACE_MS,
  ) {
    super();
  }

  /** Threads that live: they are memory. */
  get threadCount(): number {
    return this.threads.size;
  }

  query({ sql, values }: Statement, options: ReadOptions = {}): Promise<ReadRow[]> {
    if (this.waiting.length >= MAX_WAITING) return Promise.reject(new TooManyQueriesError());
    const { limitMs = QUERY_LIMIT_MS, maxBytes = Infinity } = options;
    return new Promise((resolve, reject) => {
      this.waiting.push({ request: { sql, values, limitMs, maxBytes }, resolve, reject });
      this.assign();
    });
  }

  async close(): Promise<void> {
    for (const job of this.waiting.splice(0)) job.reject(new Error('The reader is closed'));
    for (const thread of [...this.threads]) void this.end(thread, new Error('The reader is closed'));
    await Promise.all(this.ending);
  }

  private assign(): void {
    const free = [...this.threads].find(({ job }) => job === null);
    if (this.waiting.length === 0 || (!free && this.threads.size >= MAX_THREADS)) return;
    const job = this.waiting.shift();
    if (!job) return;
    const thread = free ?? this.start();
    if (thread.timer) clearTimeout(thread.timer);
    thread.job = job;
    thread.worker.ref();
    const { limitMs } = job.request;
    // The thread ends the query by itself; this is for one that is stuck where it can't look at the clock.
    thread.timer = setTimeout(() => void this.end(thread, new QueryTooSlowError(limitMs)), limitMs + this.graceMs);
    thread.worker.postMessage(job.request);
  }

  private start(): Thread {
    const worker = startWorker(__dirname, 'sqlite-reader', {
      workerData: this.data,
      resourceLimits: { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: 8 },
    });
    const thread: Thread = { worker, job: null, timer: null };
    this.threads.add(thread);
    worker.on('message', (answer: ReadAnswer) => this.done(thread, answer));
    worker.on('error', (error) => {
      this.logger.error('A thread that reads the logs has failed', { reason: error.message });
      void this.end(thread, error);
    });
    worker.on('exit', () => void this.end(thread, new Error('The thread that reads the logs has ended')));
    return thread;
  }

  private done(thread: Thread, answer: ReadAnswer): void {
    const { job } = thread;
    if (!job) return;
    if (thread.timer) clearTimeout(thread.timer);
    thread.job = null;
    thread.worker.unref();
    thread.timer = setTimeout(() => void this.end(thread, null), this.idleMs);
    thread.timer.unref();
    if ('failure' in answer) job.reject(errorOf(answer.failure, job.request.limitMs));
    else job.resolve(rowsOf(answer));
    this.assign();
  }

  private async end(thread: Thread, reason: Error | null): Promise<void> {
    if (!this.threads.delete(thread)) return;
    if (thread.timer) clearTimeout(thread.timer);
    if (reason) thread.job?.reject(reason);
    thread.job = null;
    this.assign();
    const ended = thread.worker.terminate();
    this.ending.add(ended);
    await ended;
    this.ending.delete(ended);
  }
}

function errorOf(failure: { isOver: boolean; code: string | null; message: string }, limitMs: number): Error {
  if (failure.isOver) return new QueryTooSlowError(limitMs);
  return Object.assign(new Error(failure.message), { code: failure.code });
}

function rowsOf({ columns, values }: { columns: string[]; values: unknown[] }): ReadRow[] {
  const rows: ReadRow[] = [];
  for (let start = 0; start < values.length; start += columns.length) {
    const row: ReadRow = {};
    for (const [index, column] of columns.entries()) row[column] = values[start + index];
    rows.push(row);
  }
  return rows;
}
