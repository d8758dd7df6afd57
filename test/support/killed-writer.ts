import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LogTarget } from '../../src/database/log-database';

const PROGRAM = join(__dirname, 'killed-writer-program.ts');

/**
 * Another process that writes batches of 20 messages as fast as it can, and is killed with SIGKILL after a while. Gives the
 * number of the last batch of which it was told that it is safe.
 */
export async function writeUntilKilled(
  target: LogTarget,
  spoolFolder: string,
  from: number,
  afterMs: number,
): Promise<number> {
  const child = spawn(
    process.execPath,
    ['-r', join(__dirname, 'compile-typescript.cjs'), PROGRAM, JSON.stringify({ target, spoolFolder, from })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  setTimeout(() => child.kill('SIGKILL'), afterMs);
  await ended;
  // The last number may be cut in half by the kill.
  return Number(text.split('\n').slice(0, -1).at(-1));
}
