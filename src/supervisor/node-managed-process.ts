import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildGuard } from './child-guard';
import type { ChildExit, Isolation } from './isolation';
import type { ManagedContainer } from './managed-container';
import { killMarked } from './marked-processes';
import { isGroupGone, signalGroup } from './process-group';
import type { ManagedProcess } from './process-spawner';
import type { ProcessRow } from './process-table';

/** How long after an exit the pipes may still deliver what was written before it. A daemon that keeps them open doesn't count. */
const DRAIN_MS = 80;
/** How long after a sweep in vain the next one begins. */
const SWEEP_PAUSE_MS = 1_000;

/** What a managed process needs of the house. */
export interface ProcessSurroundings {
  guard: ChildGuard;
  isolation: Isolation;
  readTable: () => ProcessRow[] | null;
  /** Marker that the processes carry; null: none. */
  marker: string | null;
  container: ManagedContainer | null;
  /** Nothing is left of it. */
  onGone: () => Promise<void>;
  /** Aborted when the house closes: nobody waits for what can't be ended any more. */
  closing: AbortSignal;
}

/** A child of ours with its group, and with its container if it is the client of an engine. */
export class NodeManagedProcess implements ManagedProcess {
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  /** From now on somebody reads its pipes. */
  handOver: () => void = () => undefined;
  private isSeenGone = false;

  constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly surroundings: ProcessSurroundings,
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

  /** Whether the leader has not been reaped: as long as that is so, its number is its own. */
  get leads(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { isolation, container } = this.surroundings;
    // A container outlives its client.
    if (signal === 'SIGKILL') container?.kill();
    // The system may have given the number of a group that is gone to somebody else.
    if (this.isGone()) return;
    if (signal === 'SIGTERM') isolation.terminate(this.pid);
    else signalGroup(this.pid, 'SIGKILL');
  }

  isGone(): boolean {
    this.isSeenGone ||= !this.leads && isGroupGone(this.pid, this.surroundings.readTable);
    return this.isSeenGone;
  }

  async release(): Promise<void> {
    const { guard, marker, container, onGone, closing } = this.surroundings;
    await this.exited;
    for (const pipe of [this.stdin, this.stdout, this.stderr]) pipe.destroy();
    guard.remove(this.pid);
    await container?.gone(closing);
    // One that waits in the kernel survives SIGKILL: as long as that is so, the tool has not stopped.
    while (marker !== null && (await killMarked(marker)).left.length > 0 && !closing.aborted) {
      await delay(SWEEP_PAUSE_MS, undefined, { signal: closing }).catch(() => undefined);
    }
    if (!closing.aborted) await onGone();
  }

  private async waitForExit(): Promise<ChildExit> {
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    const handedOver = new Promise<void>((resolve) => (this.handOver = resolve));
    await new Promise((resolve) => this.child.once('exit', resolve));
    await handedOver;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, DRAIN_MS)))]);
    clearTimeout(timer);
    return this.surroundings.isolation.exitOf({ code: this.child.exitCode, signal: this.child.signalCode });
  }
}
