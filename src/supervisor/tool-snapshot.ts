import type { ServerIdentity } from '../mcp/handshake';
import type { GroupUsage } from './group-usage';
import type { ToolInstance } from './tool-instance';
import type { Exit, Phase, Problem } from './tool-lifecycle';
import { NOTHING_COUNTED, type SessionCounters } from './tool-session';

/** The six states that the API shows. */
export const TOOL_STATES = ['stopped', 'starting', 'running', 'stopping', 'backoff', 'failed'] as const;
export type ToolState = (typeof TOOL_STATES)[number];

/** A tool at one moment. */
export interface ToolSnapshot {
  state: ToolState;
  pid: number | null;
  /** Epoch milliseconds. */
  startedAt: number | null;
  uptimeMs: number | null;
  restarts: number;
  nextRetryAt: number | null;
  restartRequired: boolean;
  identity: ServerIdentity | null;
  usage: GroupUsage | null;
  /** Round trip of the last ping, in milliseconds. */
  pingMs: number | null;
  lastSeenAt: number | null;
  inFlight: number;
  /** Of the session that runs, or of the last one. */
  counters: SessionCounters;
  lastError: Problem | null;
  lastExit: Exit | null;
}

export const STOPPED_SNAPSHOT: ToolSnapshot = {
  state: 'stopped',
  pid: null,
  startedAt: null,
  uptimeMs: null,
  restarts: 0,
  nextRetryAt: null,
  restartRequired: false,
  identity: null,
  usage: null,
  pingMs: null,
  lastSeenAt: null,
  inFlight: 0,
  counters: NOTHING_COUNTED,
  lastError: null,
  lastExit: null,
};

/** The state that the API shows for a phase. */
export function stateOf(phase: Phase): ToolState {
  return phase === 'handshaking' ? 'starting' : phase;
}

/** Reads a tool as it is now; `usageOf` is asked only where there is a process. */
export function takeSnapshot(instance: ToolInstance, usageOf: (pgid: number) => GroupUsage | null): ToolSnapshot {
  const { lifecycle, current, live } = instance;
  const hasProcess = lifecycle.phase !== 'stopped' && lifecycle.phase !== 'failed' && lifecycle.phase !== 'backoff';
  const pid = hasProcess ? (current?.process?.pid ?? null) : null;
  return {
    state: stateOf(lifecycle.phase),
    pid,
    startedAt: instance.startedAt,
    uptimeMs: instance.uptimeMs,
    restarts: lifecycle.restarts,
    nextRetryAt: lifecycle.retryAt,
    restartRequired: instance.restartRequired,
    identity: live?.identity ?? null,
    usage: pid === null ? null : usageOf(pid),
    pingMs: live?.pingMs ?? null,
    lastSeenAt: current?.peer?.lastSeenAt ?? null,
    inFlight: live?.peer?.inFlight ?? 0,
    counters: instance.newest?.counters ?? NOTHING_COUNTED,
    lastError: lifecycle.lastError,
    lastExit: lifecycle.lastExit,
  };
}
