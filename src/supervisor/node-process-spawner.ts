import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { ChildGuard } from './child-guard';
import { INSTANCE_MARKER } from './child-environment';
import { containerLaunch, type ContainerRun } from './container-run';
import { type Isolation, ProcessGroupIsolation } from './isolation';
import { type IsolationReport, isolationReport } from './isolation-report';
import { reapLeftovers } from './leftovers';
import { ManagedContainer } from './managed-container';
import { NodeManagedProcess } from './node-managed-process';
import { SharedProcessTable } from './process-table';
import { type Launch, type ManagedProcess, ProcessSpawner, SpawnError } from './process-spawner';
import type { RunRecords } from './run-records';

/** How old the view of all processes may be, by which groups are seen to be gone. */
const TABLE_AGE_MS = 50;

/** Errors of the system that pass: too many processes or open files, no memory. */
const TRANSIENT = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Starts children as leaders of their own process group, without a shell. */
@Injectable()
export class NodeProcessSpawner extends ProcessSpawner {
  private readonly logger = new Logger('Supervisor');
  private readonly guard = new ChildGuard();
  private readonly table = new SharedProcessTable(TABLE_AGE_MS);
  private readonly closing = new AbortController();

  constructor(
    /** Where runs are written down; null: nowhere. */
    private readonly records: RunRecords | null = null,
    private readonly enclosure: Isolation = new ProcessGroupIsolation(),
  ) {
    super();
  }

  async prepare(): Promise<void> {
    await this.enclosure.prepare();
    await this.records?.prepare();
  }

  async spawn(given: Launch): Promise<ManagedProcess> {
    // A missing folder is reported by the system as if the command were missing: look first.
    if (given.cwd !== null && !(await isDirectory(given.cwd))) {
      throw new SpawnError('cwd_not_found', `The working directory ${given.cwd} is not there`, true);
    }
    const run = this.describe(given);
    const launch = await this.enclosure.enclose(run?.launch ?? given);
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
    const letGo = holdOutput(child);
    const managed = new NodeManagedProcess(child, {
      guard: this.guard,
      isolation: this.enclosure,
      readTable: this.table.read,
      marker: given.env[INSTANCE_MARKER] ?? null,
      container: run?.container ? new ManagedContainer(run.container) : null,
      onGone: async () => (run ? this.records?.drop(run.id) : undefined),
      closing: this.closing.signal,
    });
    this.guard.add(managed.pid);
    if (run) await this.writeDown(run, managed);
    letGo();
    managed.handOver();
    return managed;
  }

  reapLeftovers(markerPrefix: string): Promise<number> {
    return reapLeftovers(markerPrefix, this.records);
  }

  isolation(): IsolationReport {
    return isolationReport({
      platform: process.platform,
      isolation: this.enclosure.name,
      guard: this.guard,
      recordTrouble: this.records?.trouble ?? null,
    });
  }

  end(): void {
    this.closing.abort();
    this.guard.end();
    this.records?.end();
  }

  /** What is to be known of a run before it begins; null where nothing is written down. */
  private describe(launch: Launch): Run | null {
    const marker = launch.env[INSTANCE_MARKER];
    if (this.records === null || marker === undefined) return null;
    const id = this.records.newId();
    const [installation = '', ...rest] = marker.split(':');
    const toolId = rest.join(':');
    const contained = containerLaunch(launch, { cidFile: this.records.cidFileOf(id), installation, toolId });
    return { id, toolId, marker, launch: contained?.launch ?? launch, container: contained?.container ?? null };
  }

  private async writeDown({ id, toolId, marker, container }: Run, child: NodeManagedProcess): Promise<void> {
    const before = this.records?.trouble ?? null;
    await this.records?.keep({ id, toolId, pid: child.pid, marker, container }, () => child.leads);
    const trouble = this.records?.trouble ?? null;
    // A full disk is no reason not to run: guard and marker still are there. Said once, not at each start.
    if (trouble !== null && before === null) {
      this.logger.warn(
        'Run records can not be written: what clears its environment is not found after a crash of ours',
        {
          reason: trouble,
        },
      );
    }
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

/** One life of one program, as it is written down. */
interface Run {
  id: string;
  toolId: string;
  marker: string;
  launch: Launch;
  container: ContainerRun | null;
}

/**
 * Keeps what a child says until somebody listens: Node throws away what nobody has read when a child exits, and some exit
 * while their run is still being written down. Gives back what ends it.
 */
function holdOutput(child: ChildProcessWithoutNullStreams): () => void {
  const hold = () => undefined;
  for (const pipe of [child.stdout, child.stderr]) pipe.on('readable', hold);
  return () => {
    for (const pipe of [child.stdout, child.stderr]) pipe.off('readable', hold);
  };
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
