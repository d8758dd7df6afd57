import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { makeWay } from './thread-priority';

const SUPPORT = join(__dirname, '../../test/support');

/** How nice each thread of this process is, by its number (proc(5), field 19 of `stat`). */
function niceness(): Map<string, number> {
  const threads = readdirSync('/proc/self/task').flatMap((thread): [string, number][] => {
    try {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
      return [[thread, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])]];
    } catch {
      return []; // It has ended.
    }
  });
  return new Map(threads);
}

interface Report {
  thread: string;
  slept: { before: number; after: number };
}

describe('a thread that makes way', () => {
  it('is nicer by itself, and sleeps often: the main thread and all others are as they were', async () => {
    if (process.platform !== 'linux') {
      // There it would be the whole process.
      makeWay();
      return;
    }
    const before = niceness();
    const worker = new Worker(join(SUPPORT, 'nice-thread.cjs'), {
      execArgv: ['--require', join(SUPPORT, 'compile-typescript.cjs')],
      workerData: join(__dirname, 'thread-priority.ts'),
    });
    const [{ thread, slept }] = (await once(worker, 'message')) as [Report];
    const after = niceness();
    worker.postMessage('end');
    await once(worker, 'exit');
    // In 30 ms; a busy machine may keep it from more.
    expect(slept.after).toBeGreaterThanOrEqual(slept.before + 10);
    const own = before.get(String(process.pid)) ?? 0;
    expect(after.get(thread)).toBe(Math.min(19, own + 5));
    expect(after.get(String(process.pid))).toBe(own);
    after.delete(thread);
    for (const [other, nice] of after) expect([other, nice]).toEqual([other, before.get(other) ?? own]);
  });
});
