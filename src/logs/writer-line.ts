import type { LogStorage } from '../database/log-database';
import { startWorker } from '../database/worker-program';
import type { WriterData, WriterMessage, WriterRequest } from './log-writer.types';

/** The way to the writer: to its thread, or, in tests, to the program itself. */
export interface WriterLine {
  post(request: WriterRequest): void;
  /** While held, it keeps the process alive. */
  hold(): void;
  /** Ends it whatever it does. */
  end(): Promise<void>;
}

export interface WriterListener {
  onMessage: (message: WriterMessage) => void;
  /** It has ended by itself; nothing comes any more. */
  onGone: (error: Error) => void;
}

export type OpenLine = (listener: WriterListener) => WriterLine;

/** Starts the writer as a thread. */
export function openWriterThread({ target, spoolFolder, spoolMaxBytes }: LogStorage): OpenLine {
  return ({ onMessage, onGone }) => {
    const workerData: WriterData = { target, spoolFolder, spoolMaxBytes };
    const worker = startWorker(__dirname, 'log-writer', {
      workerData,
      // Rows of a large batch outlive half of that, and copying them is a tenth of the work; SQLite's writer makes no rows.
      resourceLimits: { maxOldGenerationSizeMb: 192, maxYoungGenerationSizeMb: target.type === 'sqlite' ? 4 : 16 },
    });
    worker.unref();
    worker.on('message', onMessage);
    worker.on('error', onGone);
    worker.on('exit', () => onGone(new Error('The thread that writes the logs has ended')));
    return {
      post: (request) => worker.postMessage(request),
      hold: () => worker.ref(),
      end: () => worker.terminate().then(() => undefined),
    };
  };
}
