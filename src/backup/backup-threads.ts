import type { Worker } from 'node:worker_threads';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { startWorker } from '../database/worker-program';
import { BackupRefusedError, REFUSALS, type RefusalCode } from './backup.errors';
import type { BackupTasks, TaskMessage, TaskName, TaskRequest } from './backup-task.types';

/** Told how much of a task is done, from 0 to 1. */
export type OnProgress = (part: number) => void;

/** A thread costs some megabytes: one that has had nothing to do for so long ends. */
const IDLE_MS = 3_000;

interface Task {
  onProgress: OnProgress;
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
  /** A program that the thread has started, which would go on alone. */
  child: number | null;
}

interface Thread {
  worker: Worker;
  task: Task | null;
  idle: NodeJS.Timeout | null;
}

/** Runs the heavy pieces of backups and restores in a thread; a second one only where two are asked for at once. */
@Injectable()
export class BackupThreads implements OnApplicationShutdown {
  private readonly threads = new Set<Thread>();

  run<N extends TaskName>(
    name: N,
    given: BackupTasks[N]['given'],
    onProgress: OnProgress = () => undefined,
  ): Promise<BackupTasks[N]['answer']> {
    const thread = [...this.threads].find(({ task }) => task === null) ?? this.start();
    if (thread.idle) clearTimeout(thread.idle);
    const request: TaskRequest = { name, given };
    return new Promise<BackupTasks[N]['answer']>((resolve, reject) => {
      thread.task = {
        onProgress,
        resolve: (answer) => resolve(answer as BackupTasks[N]['answer']),
        reject,
        child: null,
      };
      thread.worker.ref();
      thread.worker.postMessage(request);
    });
  }

  /** Ends what is under way, whatever it is. */
  async stop(): Promise<void> {
    await Promise.all([...this.threads].map(({ worker }) => worker.terminate()));
  }

  onApplicationShutdown(): Promise<void> {
    return this.stop();
  }

  private start(): Thread {
    const worker = startWorker(__dirname, 'backup', {
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 },
    });
    const thread: Thread = { worker, task: null, idle: null };
    this.threads.add(thread);
    worker.on('message', (message: TaskMessage) => this.hear(thread, message));
    worker.on('error', (error) => this.gone(thread, error));
    worker.on('exit', () => this.gone(thread, new Error('The thread of the backup has ended')));
    return thread;
  }

  private hear(thread: Thread, message: TaskMessage): void {
    const { task } = thread;
    if (task === null) return;
    if (message.type === 'progress') {
      task.onProgress(message.total === 0 ? 1 : message.done / message.total);
      return;
    }
    if (message.type === 'child') {
      task.child = message.pid;
      return;
    }
    this.rest(thread);
    if (message.type === 'done') task.resolve(message.answer);
    else task.reject(errorOf(message));
  }

  private rest(thread: Thread): void {
    thread.task = null;
    thread.worker.unref();
    thread.idle = setTimeout(() => {
      if (thread.task === null) void thread.worker.terminate();
    }, IDLE_MS);
    thread.idle.unref();
  }

  private gone(thread: Thread, error: Error): void {
    if (!this.threads.delete(thread)) return;
    if (thread.idle) clearTimeout(thread.idle);
    const { task } = thread;
    if (task === null) return;
    if (task.child !== null) endProgram(task.child);
    task.reject(error);
  }
}

function endProgram(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

function errorOf({ message, code, refusal }: TaskMessage & { type: 'failed' }): Error {
  if (refusal && code !== null && code in REFUSALS) {
    const known = code as RefusalCode;
    const detail = message.slice(REFUSALS[known].length + 2);
    return new BackupRefusedError(known, detail === '' ? undefined : detail);
  }
  return Object.assign(new Error(message), { code });
}
