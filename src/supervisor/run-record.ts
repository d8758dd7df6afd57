import type { ContainerRun } from './container-run';
import type { ProcessRow } from './process-table';

/** What is written down of one life of one tool's program, so that a later run of ours can find what is left of it. */
export interface RunRecord {
  /** Name of the record. */
  id: string;
  toolId: string;
  /** Of the leader: the number of its process group and of its session, too. */
  pid: number;
  /** The leader's start time; null where the system does not tell. */
  startTicks: number | null;
  /** `machineLife()` of then: in another life the numbers mean nothing. */
  life: string | null;
  /** Value of the marker variable that its processes carry, as long as they do not clear their environment. */
  marker: string;
  /** Where the program is the client of a container engine. */
  container: ContainerRun | null;
}

/** Reads what `JSON.stringify` made of a record; null if it is no such thing. */
export function parseRunRecord(text: string): RunRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { id, toolId, pid, startTicks, life, marker, container = null } = value;
  if (!isText(id) || !isText(toolId) || !isText(marker)) return null;
  if (!isNumber(pid) || !Number.isInteger(pid) || pid <= 1) return null;
  if (startTicks !== null && !isNumber(startTicks)) return null;
  if (life !== null && !isText(life)) return null;
  if (container !== null && !isContainerRun(container)) return null;
  return { id, toolId, pid, startTicks, life, marker, container };
}

/**
 * The living processes that provably belong to a run: only these may be killed. `lastLedAt`: the latest moment, in ticks,
 * at which the leader was seen to live by us, its parent.
 *
 * The proof. Linux gives a number to a new process only when no process, group or session has it. So:
 * 1. The leader lives (or is a zombie) with the recorded start time: the number has been its own all the time, and so has
 *    the session of that number. All of the session are its descendants.
 * 2. A process has that number but another start time: then the number was free in between, so nobody of our group or
 *    session was left. What has it now is a stranger's.
 * 3. Nobody has that number, but there is a session of that number. Was it ours? A session is entered by birth alone. A
 *    member born between the leader's start and `lastLedAt` was born into a session whose number was ours at that time.
 *    As it still lives, the number has not been free since. So one such witness proves the whole session ours, younger
 *    members included. Without a witness nothing is proven, and nothing is killed.
 *
 * Not found this way: who has left the session (`setsid`). Such a one is found by its marker, or not at all if it also has
 * cleared its environment; only `MCP_ISOLATION=bwrap` holds it.
 */
export function provenMembers(
  { pid, startTicks }: Pick<RunRecord, 'pid' | 'startTicks'>,
  lastLedAt: number,
  rows: readonly ProcessRow[],
): ProcessRow[] {
  if (startTicks === null) return [];
  const session = rows.filter((row) => row.session === pid);
  const leader = rows.find((row) => row.pid === pid);
  const isOurs = leader
    ? leader.startTicks === startTicks && leader.session === pid
    : session.some((row) => row.startTicks >= startTicks && row.startTicks < lastLedAt);
  return isOurs ? session.filter((row) => row.state !== 'Z' && row.state !== 'X') : [];
}

function isContainerRun(value: unknown): value is ContainerRun {
  if (!isObject(value)) return false;
  const { command, globals, env, cidFile, installation, toolId } = value;
  return (
    [command, cidFile, installation, toolId].every(isText) &&
    Array.isArray(globals) &&
    globals.every(isText) &&
    isObject(env) &&
    Object.values(env).every(isText)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
