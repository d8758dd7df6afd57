import { extname, join } from 'node:path';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts `<name>.worker` of a folder as a thread. In the built program that is the compiled file; where the sources
 * themselves run (in tests), it is the source, which the thread compiles as it loads it.
 */
export function startWorker(folder: string, name: string, options: WorkerOptions): Worker {
  const extension = extname(__filename);
  const compiler = join(__dirname, '../../test/support/compile-typescript.cjs');
  return new Worker(join(folder, `${name}.worker${extension}`), {
    ...options,
    execArgv: extension === '.ts' ? ['--require', compiler] : [],
  });
}
