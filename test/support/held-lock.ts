import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
/** Takes the lock named by its argument with the program's own code, says so, and holds it until its stdin ends. */
const PROGRAM = `
  const { InstanceLock } = require(${JSON.stringify(join(ROOT, 'src/database/instance-lock'))});
  try {
    const lock = InstanceLock.take(process.argv[1]);
    console.log('held');
    process.stdin.resume().on('end', () => { lock.release(); process.exit(0); });
  } catch (error) {
    console.log(error.message);
    process.exit(1);
  }`;

export interface LockHolder {
  readonly child: ChildProcess;
  readonly pid: number;
  /** "held", or why the lock was not to be had. */
  readonly said: string;
  /** Resolves when the process is gone. */
  readonly ended: Promise<unknown>;
}

/** Another process that tries to take an instance lock and holds it if it can. */
export async function startLockHolder(what: string): Promise<LockHolder> {
  const child = spawn(process.execPath, ['-r', 'ts-node/register/transpile-only', '-e', PROGRAM, what], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, pid: child.pid ?? 0, said: said.toString().trim(), ended };
}
