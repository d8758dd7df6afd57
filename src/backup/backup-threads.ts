import type { Worker } from 'node:worker_threads';
import { Injectable } from '@nestjs/common';
import { startWorker } from '../database/worker-program';
import { BackupRefusedError, REFUSALS, type RefusalCode } from './backup.errors';
import type { BackupTasks, TaskMessage, TaskName, TaskRequest } from './backup-task.types';

/** Told how much of a task is done, from 0 to 1. */
export type OnProgress = (part: number) => void;

/** Runs the heavy pieces of backups and restores in threads, one for each piece. */
@Injectable()
export class BackupThreads {
  private readonly live = new Set<Worker>();

  run<N extends TaskName>(
    name: N,
    given: BackupTasks[N]['given'],
    onProgress: OnProgress = () => undefined,
  ): Promise<BackupTasks[N]['answer']> {
    const request: TaskRequest = { name, given };
    const worker = startWorker(__dirname, 'backup', {
      workerData: request,
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 },
    });
    this.live.add(worker);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        if (!this.live.delete(worker)) return;
        settle();
        void worker.terminate();
      };
      let child: number | null = null;
      worker.on('message', (message: TaskMessage) => {
        if (message.type === 'child') child = message.pid;
        else if (message.type === 'progress') onProgress(message.total === 0 ? 1 : message.done / message.total);
        else if (message.type === 'done') end(() => resolve(message.answer as BackupTasks[N]['answer']));
        else end(() => reject(errorOf(message)));
      });
      worker.on('error', (error) => end(() => reject(error)));
      worker.on('exit', () => {
        // Ended in the middle: a program that it has started would go on alone.
        if (child !== null && this.live.has(worker)) endProgram(child);
        end(() => reject(new Error('The thread of the backup has ended')));
      });
    });
  }

  /** Ends all of them, whatever they do. */
  async stop(): Promise<void> {
    await Promise.all([...this.live].map((worker) => worker.terminate()));
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
