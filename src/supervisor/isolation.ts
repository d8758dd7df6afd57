import { signalGroup } from './process-group';
import type { Launch } from './process-spawner';

/** How a child ended. */
export interface ChildExit {
  code: number | null;
  signal: string | null;
}

/** What keeps a tool's processes together, and apart from the rest. */
export interface Isolation {
  readonly name: 'process-group' | 'bwrap';
  /** Once, before the first child. @throws IsolationUnavailableError */
  prepare(): Promise<void>;
  /** The launch as it is carried out. @throws SpawnError */
  enclose(launch: Launch): Promise<Launch>;
  /** Asks the programs of a group to end. */
  terminate(pgid: number): void;
  /** What the exit of the process that we started says of the program. */
  exitOf(exit: ChildExit): ChildExit;
}

/** MCP_ISOLATION asks for something that this machine does not give. The message is one line and says what to do. */
export class IsolationUnavailableError extends Error {
  constructor(reason: string) {
    super(`MCP_ISOLATION=bwrap can't be had: ${reason}, or set MCP_ISOLATION=process-group`);
    this.name = 'IsolationUnavailableError';
  }
}

/** Each program leads a process group (and a session); what leaves it is found by its marker. */
export class ProcessGroupIsolation implements Isolation {
  readonly name = 'process-group';

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  enclose(launch: Launch): Promise<Launch> {
    return Promise.resolve(launch);
  }

  terminate(pgid: number): void {
    signalGroup(pgid, 'SIGTERM');
  }

  exitOf(exit: ChildExit): ChildExit {
    return exit;
  }
}
