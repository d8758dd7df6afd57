import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { ContainerRun } from './container-run';
import { machineLife } from './machine-life';
import { removeLeftContainers } from './managed-container';
import { killMarked } from './marked-processes';
import { readProcessTable } from './process-table';
import { provenMembers, type RunRecord } from './run-record';
import type { FoundRun, RunRecords } from './run-records';

/** How long processes may take to vanish after SIGKILL. */
const KILL_LIMIT_MS = 5_000;
const POLL_MS = 20;

/**
 * Ends what an earlier MCPS.ONE has left behind, with the instance lock in hand: the sessions that its run records prove
 * to be its own, all that carries its marker, and the containers of container tools. Resolves with how many processes and
 * containers there were. Never rejects: a boot must not fail because of what lies in a folder.
 */
export async function reapLeftovers(markerPrefix: string, records: RunRecords | null): Promise<number> {
  const logger = new Logger('Leftovers');
  const { runs, unreadable } = (await records?.load()) ?? { runs: [], unreadable: [] };
  for (const file of unreadable) {
    logger.warn('A run record is damaged and was ignored; processes that have cleared their environment may be left', {
      file,
    });
  }
  const killed = new Set<number>();
  const unfinished = new Set<string>();
  const life = machineLife();
  const ofThisLife = life === null ? [] : runs.filter(({ record }) => record.life === life);
  for (const run of await killSessions(ofThisLife, killed)) {
    unfinished.add(run.id);
    logger.warn('Processes of an earlier run can not be ended', { tool: run.toolId, pgid: run.pid });
  }
  const { killed: marked, left } = await killMarked(markerPrefix);
  for (const pid of marked) killed.add(pid);
  if (left.length > 0) logger.warn('Processes of an earlier run can not be ended', { pids: left });
  const containers = await removeLeftContainers(runs.flatMap(({ record }) => withContainer(record)));
  for (const { id } of containers.unanswered) unfinished.add(id);
  await records?.clear(unfinished);
  return killed.size + containers.count;
}

/** Kills the sessions that are provably ours, side by side, and resolves with the runs of which somebody is left. */
async function killSessions(runs: readonly FoundRun[], killed: Set<number>): Promise<RunRecord[]> {
  const until = performance.now() + KILL_LIMIT_MS;
  // What was proven once stays proven while anybody is left: the number can't have been free since.
  let open = runs.map(({ record, lastLedAt }) => ({ record, lastLedAt }));
  for (;;) {
    const table = open.length === 0 ? null : readProcessTable();
    open = open.filter(({ record, lastLedAt }) => {
      const members = provenMembers(record, lastLedAt, table ?? []);
      for (const { pid } of members) {
        killed.add(pid);
        kill(pid);
      }
      return members.length > 0;
    });
    if (open.length === 0 || performance.now() > until) return open.map(({ record }) => record);
    open = open.map(({ record }) => ({ record, lastLedAt: Infinity }));
    await delay(POLL_MS);
  }
}

function withContainer(record: RunRecord): { id: string; container: ContainerRun }[] {
  return record.container === null ? [] : [{ id: record.id, container: record.container }];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended meanwhile, or of another user.
  }
}
