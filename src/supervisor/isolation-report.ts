/** How sure it is that nothing is left over, from the strongest promise to the weakest. */
export const ISOLATION_LEVELS = ['bwrap', 'guard', 'marker', 'process-group'] as const;
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

/** What is promised about processes that would be left over. */
export interface IsolationReport {
  level: IsolationLevel;
  /** The level in words. */
  promise: string;
  /** The process that ends our children when we are killed; null while there is none (nothing has been started yet). */
  guard: { pid: number | null; respawns: number };
  /** What is less than it could be, and why. */
  notes: string[];
}

const PROMISES: Record<IsolationLevel, string> = {
  bwrap:
    'The kernel ends all processes of a tool, daemons included, when the tool is stopped and when MCPS.ONE ends, however that happens',
  guard:
    'A guard process ends the process groups of all tools when MCPS.ONE is killed; daemons that have left their group are ended at each stop and at the next start',
  marker: 'What is left over when MCPS.ONE is killed is ended at its next start',
  'process-group': 'Stopping a tool ends its process tree; what is left over when MCPS.ONE is killed stays',
};

export interface IsolationFacts {
  platform: NodeJS.Platform;
  isolation: 'process-group' | 'bwrap';
  guard: { pid: number | null; respawns: number; works: boolean };
  /** Why run records can't be written; null if they can. */
  recordTrouble: string | null;
}

/** What follows from the facts. */
export function isolationReport({ platform, isolation, guard, recordTrouble }: IsolationFacts): IsolationReport {
  const level = levelOf(platform, isolation, guard.works);
  const notes: string[] = [];
  if (platform === 'win32') {
    notes.push(
      'Windows has no process groups: a stop ends the tree of processes by taskkill, and what is left over is not found',
    );
  } else if (platform !== 'linux') {
    notes.push(
      'There is no /proc on this system: daemons that leave their process group are not found, neither at a stop nor at the next start',
    );
  }
  if (platform !== 'win32' && !guard.works) {
    notes.push('The guard process can not be started; it is tried again');
  }
  if (recordTrouble !== null && platform === 'linux') {
    notes.push(
      `Run records can not be written (${recordTrouble}): what clears its environment is not found at the next start`,
    );
  }
  return { level, promise: PROMISES[level], guard: { pid: guard.pid, respawns: guard.respawns }, notes };
}

function levelOf(platform: NodeJS.Platform, isolation: IsolationFacts['isolation'], guards: boolean): IsolationLevel {
  if (isolation === 'bwrap') return 'bwrap';
  if (platform === 'win32') return 'process-group';
  if (guards) return 'guard';
  return platform === 'linux' ? 'marker' : 'process-group';
}
