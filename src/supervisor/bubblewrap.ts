import { execFile } from 'node:child_process';
import { mkdir, realpath } from 'node:fs/promises';
import { constants } from 'node:os';
import { isAbsolute, relative, sep } from 'node:path';
import { lookUpCommand } from './command-lookup';
import { runsContainer } from './container-run';
import type { HiddenPlaces } from './hidden-places';
import { type ChildExit, type Isolation, IsolationUnavailableError } from './isolation';
import { type Launch, SpawnError } from './process-spawner';
import { readProcessTable } from './process-table';

/** The trial at boot may take this long. */
const TRIAL_LIMIT_MS = 10_000;

/** In a pid namespace of its own the shell has a number of one digit. Its arguments are the hidden folders. */
const TRIAL = `
[ $$ -lt 10 ] || { echo 'it gives no pid namespace' >&2; exit 1; }
for folder; do
  [ -z "$(ls -A "$folder")" ] || { echo "it does not hide $folder" >&2; exit 1; }
done
`;

/**
 * Runs each program inside bubblewrap: in a pid namespace of its own, which the kernel ends as a whole, daemons included,
 * with the program, with our SIGKILL, or with us (`--die-with-parent`, a signal of the kernel's that is tied to the thread
 * that spawned: ours is the main one). The rest of the file system is as outside.
 *
 * The group of the child is: bwrap, its leader; bwrap again, the first process of the namespace; the program. All share
 * the process group that we signal and measure: there is no `--new-session`, which would take the program out of it (and
 * is not needed: without a controlling terminal, which `detached` sees to, there is none to write to).
 */
export class Bubblewrap implements Isolation {
  readonly name = 'bwrap';
  private bwrap = 'bwrap';
  private folders: string[] = [];
  private files: string[] = [];

  constructor(
    private readonly hidden: HiddenPlaces,
    /** PATH in which bwrap is looked for. */
    private readonly path: string,
  ) {}

  async prepare(): Promise<void> {
    if (process.platform !== 'linux') throw new IsolationUnavailableError('bubblewrap needs Linux; run it there');
    const found = await lookUpCommand('bwrap', null, { PATH: this.path });
    if (!found.ok) {
      throw new IsolationUnavailableError('there is no bwrap in PATH; install the package "bubblewrap"');
    }
    this.bwrap = found.path;
    await this.resolveHidden();
    const failure = await this.failureOfTrial();
    if (failure === null) return;
    throw new IsolationUnavailableError(
      `${this.bwrap} does not work here (${failure}); allow user namespaces to this user (in a container: its seccomp profile)`,
    );
  }

  async enclose(launch: Launch): Promise<Launch> {
    // The client of a container engine starts nothing but a container, which has walls of its own; it must reach the file
    // in which it writes the container's id.
    if (runsContainer(launch)) return launch;
    await this.refuseHidden(launch);
    return {
      ...launch,
      command: this.bwrap,
      args: [...(await this.walls()), '--', launch.command, ...launch.args],
    };
  }

  /**
   * The signal goes to the programs alone: it would end bwrap at once, and the kernel everything inside with it, before
   * anybody could say goodbye. When the program has ended, bwrap ends by itself.
   */
  terminate(pgid: number): void {
    // Read anew: in a view of a moment ago a program that has just begun is missing, and it is asked only once.
    const members = readProcessTable()?.filter((row) => row.pgrp === pgid && row.pid !== pgid && row.ppid !== pgid);
    for (const { pid } of members ?? []) {
      try {
        process.kill(pid, 'SIGTERM');
      } catch {
        // Ended meanwhile.
      }
    }
  }

  /** bwrap tells a signal as shells do, by 128 and its number. */
  exitOf(exit: ChildExit): ChildExit {
    const { code } = exit;
    if (code === null || code <= 128) return exit;
    const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
    return signal === undefined ? exit : { code: null, signal };
  }

  private async resolveHidden(): Promise<void> {
    const folders: string[] = [];
    for (const folder of this.hidden.folders) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        folders.push(await realpath(folder));
      } catch (error) {
        throw new IsolationUnavailableError(
          `${folder} can't be made and hidden (${error instanceof Error ? error.message : String(error)}); correct its path`,
        );
      }
    }
    // One inside another is hidden with it.
    this.folders = folders.filter((folder) => !folders.some((other) => other !== folder && holds(other, folder)));
    this.files = [...this.hidden.files];
  }

  private async walls(): Promise<string[]> {
    const files: string[] = [];
    for (const file of this.files) {
      const path = await realpath(file).catch(() => null);
      if (path !== null && !this.folders.some((folder) => holds(folder, path))) files.push(path);
    }
    return [
      ...['--die-with-parent', '--unshare-pid', '--dev-bind', '/', '/', '--proc', '/proc'],
      ...this.folders.flatMap((folder) => ['--tmpfs', folder, '--remount-ro', folder]),
      ...files.flatMap((file) => ['--ro-bind', '/dev/null', file]),
    ];
  }

  private async refuseHidden({ command, cwd }: Launch): Promise<void> {
    const places = [
      { path: command, code: 'command_hidden', what: 'command' },
      ...(cwd === null ? [] : [{ path: cwd, code: 'cwd_hidden', what: 'working directory' }]),
    ];
    for (const { path, code, what } of places) {
      // Neither the way there nor its end may be hidden.
      const real = await realpath(path).catch(() => path);
      const folder = this.folders.find((hidden) => holds(hidden, real) || holds(hidden, path));
      if (folder === undefined) continue;
      throw new SpawnError(
        code,
        `The ${what} ${path} is in ${folder}, which MCP_ISOLATION=bwrap hides from tools; move it elsewhere`,
        true,
      );
    }
  }

  /** Starts a shell as tools are started: does that work, and is what is hidden really hidden? */
  private async failureOfTrial(): Promise<string | null> {
    const args = [...(await this.walls()), '--', '/bin/sh', '-c', TRIAL, 'sh', ...this.folders];
    return new Promise((resolve) => {
      execFile(
        this.bwrap,
        args,
        { env: { PATH: this.path }, timeout: TRIAL_LIMIT_MS, killSignal: 'SIGKILL' },
        (error, _out, stderr) => {
          if (error === null) resolve(null);
          else resolve((stderr.trim() || error.message).replace(/\s+/g, ' ').slice(0, 300));
        },
      );
    });
  }
}

/** Whether `path` is in the folder, or is it. */
function holds(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
