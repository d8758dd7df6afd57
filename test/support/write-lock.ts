import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Another process that holds the write lock of a SQLite file until it is told to let go. */
export async function holdWriteLock(file: string): Promise<() => Promise<void>> {
  const program = `
    const database = new (require(${JSON.stringify(require.resolve('better-sqlite3'))}))(process.argv[1], { timeout: 10000 });
    database.exec('BEGIN IMMEDIATE');
    console.log('held');
    process.stdin.resume().on('end', () => { database.exec('ROLLBACK'); process.exit(0); });`;
  const child = spawn(process.execPath, ['-e', program, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await ended;
  };
}
