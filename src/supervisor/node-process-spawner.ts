import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { ChildGuard } from './child-guard';
import { INSTANCE_MARKER } from './child-environment';
import { killMarked } from './marked-processes';
import { isGroupGone, signalGroup } from './process-group';
import { type ProcessRow, SharedProcessTable } from './process-table';
import { type Launch, type ManagedProcess, ProcessSpawner, SpawnError } from './process-spawner';

/** How long after an exit the pipes may still deliver what was written before it. A daemon that keeps them open doesn't count. */
const DRAIN_MS = 80;

/** How old the view of all processes may be, by which groups are seen to be gone. */
const TABLE_AGE_MS = 50;

/** Errors of the system that pass: too many processes or open files, no memory. */
const TRANSIENT = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Starts children as leaders of their own process group, without a shell. */
@Injectable()
export class NodeProcessSpawner extends ProcessSpawner {
  private readonly guard = new ChildGuard();
  private readonly table = new SharedProcessTable(TABLE_AGE_MS);

  async spawn(launch: Launch): Promise<ManagedProcess> {
    // A missing folder is reported by the system as if the command were missing: look first.
    if (launch.cwd !== null && !(await isDirectory(launch.cwd))) {
      throw new SpawnError('cwd_not_found', `The working directory ${launch.cwd} is not there`, true);
    }
    const child = this.begin(launch);
    // Listeners from the first moment, also for later errors (a pipe that broke): an unheard 'error' would end our own process.
    const failure = await new Promise<Error | null>((resolve) => {
      child.once('spawn', () => resolve(null));
      child.on('error', resolve);
      // Without a free file descriptor there are no pipes, whatever the types say.
      const pipes: (Readable | Writable | undefined)[] = [child.stdin, child.stdout, child.stderr];
      for (const pipe of pipes) pipe?.on('error', () => undefined);
    });
    if (failure !== null) throw toSpawnError(failure, launch);
    const managed = new NodeManagedProcess(child, this.guard, launch.env[INSTANCE_MARKER] ?? null, this.table.read);
    this.guard.add(managed.pid);
    return managed;
  }

  async reapLeftovers(markerPrefix: string): Promise<number> {
    return (await killMarked(markerPrefix)).length;
  }

  end(): void {
    this.guard.end();
  }

  private begin(launch: Launch): ChildProcessWithoutNullStreams {
    try {
      return spawn(launch.command, launch.args, {
        cwd: launch.cwd ?? undefined,
        env: { ...launch.env },
        detached: process.platform !== 'win32',
        shell: false,
        stdio: 'pipe',
        windowsHide: true,
      });
    } catch (error) {
      // Arguments with NUL bytes or over the system's limit throw at once.
      throw toSpawnError(error as NodeJS.ErrnoException, launch);
    }
  }
}

class NodeManagedProcess implements ManagedProcess {
  readonly pid: number;
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  private isSeenGone = false;

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly guard: ChildGuard,
    private readonly marker: string | null,
    private readonly readTable: () => ProcessRow[] | null,
  ) {
    this.pid = child.pid ?? -1;
    this.exited = this.waitForExit();
  }

  get stdin() {
    return this.child.stdin;
  }

  get stdout() {
    return this.child.stdout;
  }

  get stderr() {
    return this.child.stderr;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    // The system may have given the number of a group that is gone to somebody else.
    if (!this.isGone()) signalGroup(this.pid, signal);
  }

  isGone(): boolean {
    this.isSeenGone ||= this.hasExited && isGroupGone(this.pid, this.readTable);
    return this.isSeenGone;
  }

  async release(): Promise<void> {
    await this.exited;
    for (const pipe of [this.stdin, this.stdout, this.stderr]) pipe.destroy();
    this.guard.remove(this.pid);
    if (this.marker !== null) await killMarked(this.marker);
  }

  private get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async waitForExit(): Promise<{ code: number | null; signal: string | null }> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    await new Promise((resolve) => this.child.once('exit', resolve));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)))]);
    clearTimeout(timer);
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }
}

function toSpawnError(error: NodeJS.ErrnoException, launch: Launch): SpawnError {
  switch (error.code) {
    case 'ENOENT':
      return new SpawnError(
        'command_not_found',
        `The command ${launch.command}, or the interpreter that its first line names, is not there`,
        true,
      );
    case 'EACCES':
    case 'ENOEXEC':
      return new SpawnError('command_not_executable', `The command ${launch.command} can't be executed`, true);
    case 'E2BIG':
      return new SpawnError(
        'arguments_too_long',
        'The arguments and the environment are too long for the system',
        true,
      );
    case 'ERR_INVALID_ARG_VALUE':
      return new SpawnError('arguments_invalid', 'The command, an argument or a variable has a NUL byte', true);
    default:
      return new SpawnError(
        'spawn_failed',
        `The system refused to start ${launch.command} (${error.code ?? error.message})`,
        !TRANSIENT.has(error.code ?? ''),
      );
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() ?? false;
}
