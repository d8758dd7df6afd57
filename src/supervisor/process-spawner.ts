import type { Readable, Writable } from 'node:stream';
import type { IsolationReport } from './isolation-report';

/** What to run: an absolute path and its arguments, never a shell line. */
export interface Launch {
  command: string;
  args: readonly string[];
  cwd: string | null;
  /** The whole environment of the child; nothing is inherited beside it. */
  env: Readonly<Record<string, string>>;
}

/** A running child with its process group. */
export interface ManagedProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the child has exited and its pipes have been read to their end (or a moment has passed). */
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  /** Sends a signal to every process of the group; one that is gone is no error. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
  /** Whether no process of the group lives any more. */
  isGone(): boolean;
  /**
   * Once it is gone: ends also what left the group (a daemon), and lets go of the pipes, whose other ends such a one may
   * hold for ever. Resolves when nothing is left; to be called once.
   */
  release(): Promise<void>;
}

/** Starting failed; `code` is the word that `lastError.code` shows. */
export class SpawnError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** Trying again can't help before the definition or the machine has changed. */
    readonly permanent: boolean,
    /** What to do about it, where the code alone does not say. */
    readonly hint?: string,
  ) {
    super(message);
    this.name = 'SpawnError';
  }
}

/** Starts programs; a fake stands in for it in tests. */
export abstract class ProcessSpawner {
  /** @throws SpawnError */
  abstract spawn(launch: Launch): Promise<ManagedProcess>;

  /** Once, before all else. @throws IsolationUnavailableError when the isolation that is asked for can't be had */
  abstract prepare(): Promise<void>;

  /**
   * Ends what an earlier run of this installation has left behind, found by its run records and by the beginning of the
   * marker that its children carry; only with the instance lock in hand. Resolves with how many processes and containers
   * there were.
   */
  abstract reapLeftovers(markerPrefix: string): Promise<number>;

  /** What is promised at this moment about processes that would be left over. */
  abstract isolation(): IsolationReport;

  /** No child lives any more and none will come: whatever watches over them may go. */
  abstract end(): void;
}
