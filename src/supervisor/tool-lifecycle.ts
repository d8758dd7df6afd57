import type { RestartPolicy } from './supervised-tool';

/**
 * The life of one tool as a pure function: (state, event) -> (state, effects). It knows no process, no timer and no
 * clock; `tool-instance.ts` carries out the effects and reports what happens as events.
 *
 * Every child has a generation number; an event of an older generation changes nothing. A tool leaves `stopping` only
 * when nothing of the child is left, so two generations never live at once.
 */
export type Phase = 'stopped' | 'starting' | 'handshaking' | 'running' | 'stopping' | 'backoff' | 'failed';

/** Why something went wrong, for a human. */
export interface Problem {
  code: string;
  message: string;
  /** What to do about it. */
  hint: string;
  /** Epoch milliseconds. */
  at: number;
}

export interface Exit {
  code: number | null;
  signal: string | null;
  /** Epoch milliseconds. */
  at: number;
}

export interface LifecycleState {
  readonly phase: Phase;
  /** Number of the newest child; 0 before the first. */
  readonly generation: number;
  /** While stopping: what follows when nothing of the child is left. */
  readonly next: 'stopped' | 'starting' | 'backoff' | 'failed';
  /** While stopping: how far the ladder has been climbed. */
  readonly rung: Rung;
  /** Failures in a row; a stable minute or an explicit start sets it back. */
  readonly failures: number;
  /** Restarts after failures since the last explicit start. */
  readonly restarts: number;
  /** It ended as its policy wants: nobody but a new command wakes it. Otherwise `stopped` is only where it came to rest. */
  readonly settled: boolean;
  /** While in backoff: when the next try is due, epoch milliseconds. */
  readonly retryAt: number | null;
  readonly lastError: Problem | null;
  readonly lastExit: Exit | null;
}

export type Rung = 'none' | 'draining' | 'input-closed' | 'terminated' | 'killed' | 'unkillable';

export type LifecycleEvent =
  | { type: 'start' | 'stop' | 'restart' }
  | { type: 'spawned' | 'ready' | 'gone'; generation: number }
  /** The calls that were in flight when the stop was asked for have ended. */
  | { type: 'drained'; generation: number }
  /** Spawn or handshake failed; `permanent`: another try can't help (a wrong configuration). */
  | { type: 'start-failed'; generation: number; problem: Problem; permanent: boolean }
  /**
   * `again`: the exit tells nothing bad (a server that ends on an unknown method); start anew at once. `permanent`: it
   * ended before it was ready, and would do so each time (a variable that it wants is missing).
   */
  | { type: 'exited'; generation: number; exit: Exit; problem: Problem; again: boolean; permanent?: boolean }
  /**
   * The connection broke while the process may still be there, or a remote went away. `again`: that is nothing bad in
   * itself (a remote that forgot our session or closed an idle stream); the first time it is opened anew at once.
   */
  | { type: 'lost'; generation: number; problem: Problem; again: boolean }
  /** Something is wrong with a running tool, which may pass; `recovered` takes the problem of that code back. */
  | { type: 'degraded'; generation: number; problem: Problem }
  | { type: 'recovered'; generation: number; code: string }
  | { type: 'timer'; name: TimerName; generation: number };

export type TimerName = 'retry' | 'stable' | 'ladder';

export type Effect =
  | { type: 'spawn' | 'drain' | 'close-input'; generation: number }
  | { type: 'signal'; generation: number; signal: 'SIGTERM' | 'SIGKILL' }
  | { type: 'set-timer'; name: TimerName; generation: number; delayMs: number }
  | { type: 'cancel-timers' };

/** The times of the house. */
export interface LifecycleTimes {
  backoff: { firstMs: number; maxMs: number };
  /** Running this long makes the failures before it forgotten. */
  stableMs: number;
  /** How long each rung of the stop ladder waits. */
  ladder: { drainMs: number; closeInputMs: number; terminateMs: number; killMs: number };
}

/** What the policy of the tool and the times of the house are. */
export interface LifecycleRules extends LifecycleTimes {
  restartPolicy: RestartPolicy;
  maxRetries: number;
  /** Epoch milliseconds. */
  now: number;
  /** From 0 up to 1. */
  random: number;
}

export const DEFAULT_TIMES: LifecycleTimes = {
  backoff: { firstMs: 1_000, maxMs: 60_000 },
  stableMs: 60_000,
  ladder: { drainMs: 5_000, closeInputMs: 3_000, terminateMs: 5_000, killMs: 10_000 },
};

/**
 * When MCPS.ONE itself stops, calls in flight have had their time before (see ShutdownCoordinator): SIGKILL comes after 6 s,
 * and 4 s later it would be told if that was in vain.
 */
export const SHUTDOWN_TIMES: LifecycleTimes = {
  ...DEFAULT_TIMES,
  ladder: { drainMs: 1_000, closeInputMs: 2_000, terminateMs: 3_000, killMs: 4_000 },
};

export interface Step {
  state: LifecycleState;
  effects: Effect[];
}

export const INITIAL_STATE: LifecycleState = {
  phase: 'stopped',
  generation: 0,
  next: 'stopped',
  rung: 'none',
  failures: 0,
  restarts: 0,
  settled: false,
  retryAt: null,
  lastError: null,
  lastExit: null,
};

const unchanged = (state: LifecycleState): Step => ({ state, effects: [] });

/** The one transition function. Total: an event that means nothing in a phase changes nothing. */
export function advance(state: LifecycleState, event: LifecycleEvent, rules: LifecycleRules): Step {
  if ('generation' in event && event.generation !== state.generation) return unchanged(state);
  switch (event.type) {
    case 'start':
      return onStart(state);
    case 'stop':
      return onStop(state, rules);
    case 'restart':
      return onRestart(state, rules);
    case 'spawned':
      return state.phase === 'starting' ? unchanged({ ...state, phase: 'handshaking' }) : unchanged(state);
    case 'ready':
      return onReady(state, rules);
    case 'start-failed':
      return onStartFailed(state, event, rules);
    case 'exited':
      return onExited(state, event, rules);
    case 'lost':
      return onLost(state, event, rules);
    case 'degraded':
      return unchanged(state.phase === 'running' ? { ...state, lastError: event.problem } : state);
    case 'recovered':
      return unchanged(
        state.phase === 'running' && state.lastError?.code === event.code ? { ...state, lastError: null } : state,
      );
    case 'drained':
      return isDraining(state) ? closeInput(state, rules) : unchanged(state);
    case 'gone':
      return onGone(state, rules);
    case 'timer':
      return onTimer(state, event.name, rules);
  }
}

function onStart(state: LifecycleState): Step {
  switch (state.phase) {
    case 'stopped':
    case 'backoff':
    case 'failed':
      return spawn({ ...state, failures: 0, restarts: 0, lastError: null });
    case 'stopping':
      return state.rung === 'unkillable'
        ? unchanged(state)
        : unchanged({ ...state, next: 'starting', failures: 0, restarts: 0, settled: false, lastError: null });
    case 'running':
      return unchanged(state.failures + state.restarts === 0 ? state : { ...state, failures: 0, restarts: 0 });
    default:
      // Joins the start under way. That may be a retry of our own; from here on it is one that somebody asked for.
      return unchanged(isFresh(state) ? state : { ...state, failures: 0, restarts: 0, lastError: null });
  }
}

function isFresh({ failures, restarts, lastError }: LifecycleState): boolean {
  return failures + restarts === 0 && lastError === null;
}

function onStop(state: LifecycleState, rules: LifecycleRules): Step {
  switch (state.phase) {
    case 'stopped':
      return unchanged(state);
    case 'backoff':
    case 'failed':
      return { state: settle(state, 'stopped'), effects: [{ type: 'cancel-timers' }] };
    case 'stopping':
      return unchanged({ ...state, next: 'stopped', settled: false });
    case 'running':
      return drain(state, 'stopped', rules);
    default:
      return takeDown(state, 'stopped', rules);
  }
}

function onRestart(state: LifecycleState, rules: LifecycleRules): Step {
  const fresh = { ...state, failures: 0, restarts: 0, lastError: null };
  if (state.phase === 'running') return drain(fresh, 'starting', rules);
  if (state.phase === 'starting' || state.phase === 'handshaking') return takeDown(fresh, 'starting', rules);
  return onStart(state);
}

function onReady(state: LifecycleState, rules: LifecycleRules): Step {
  if (state.phase !== 'handshaking') return unchanged(state);
  return {
    state: { ...state, phase: 'running', lastError: null },
    effects: [timer(state, 'stable', rules.stableMs)],
  };
}

function onStartFailed(
  state: LifecycleState,
  event: Extract<LifecycleEvent, { type: 'start-failed' }>,
  rules: LifecycleRules,
): Step {
  if (state.phase !== 'starting' && state.phase !== 'handshaking') return unchanged(state);
  if (event.permanent) return takeDown({ ...state, lastError: event.problem }, 'failed', rules);
  return fail(state, event.problem, rules);
}

function onExited(
  state: LifecycleState,
  event: Extract<LifecycleEvent, { type: 'exited' }>,
  rules: LifecycleRules,
): Step {
  const seen = { ...state, lastExit: event.exit };
  switch (state.phase) {
    case 'starting':
    case 'handshaking':
      if (event.permanent === true) return takeDown({ ...seen, lastError: event.problem }, 'failed', rules);
      if (event.again) return takeDown(seen, 'starting', rules);
      // It has done what it wanted, without an error: the start has failed, but another try would do the same.
      if (rules.restartPolicy === 'on-failure' && event.exit.code === 0) {
        return takeDown({ ...seen, settled: true, lastError: event.problem }, 'stopped', rules);
      }
      return fail(seen, event.problem, rules);
    case 'running':
      return isWantedEnd(event.exit, rules)
        ? takeDown({ ...seen, settled: true }, 'stopped', rules)
        : fail(seen, event.problem, rules);
    default:
      return isDraining(seen) ? closeInput(seen, rules) : unchanged(seen);
  }
}

function onLost(state: LifecycleState, event: Extract<LifecycleEvent, { type: 'lost' }>, rules: LifecycleRules): Step {
  if (isDraining(state)) return closeInput(state, rules);
  if (state.phase !== 'running') return unchanged(state);
  // Counted all the same: a remote that loses each session at once is asked again with growing delays.
  const atOnce = event.again && state.failures === 0 && rules.restartPolicy !== 'never';
  return atOnce
    ? takeDown({ ...state, failures: 1, lastError: event.problem }, 'starting', rules)
    : fail(state, event.problem, rules);
}

/** Nothing of the child is left. */
function onGone(state: LifecycleState, rules: LifecycleRules): Step {
  if (state.phase !== 'stopping') return unchanged(state);
  const cancel: Effect = { type: 'cancel-timers' };
  switch (state.next) {
    case 'starting': {
      const step = spawn(settle(state, 'stopped'));
      return { state: step.state, effects: [cancel, ...step.effects] };
    }
    case 'backoff': {
      const delayMs = backoffDelay(state.failures, rules);
      return {
        state: { ...settle(state, 'backoff'), retryAt: rules.now + delayMs },
        effects: [cancel, timer(state, 'retry', delayMs)],
      };
    }
    default:
      return { state: settle(state, state.next), effects: [cancel] };
  }
}

function onTimer(state: LifecycleState, name: TimerName, rules: LifecycleRules): Step {
  if (name === 'stable') return unchanged(state.phase === 'running' ? { ...state, failures: 0 } : state);
  if (name === 'ladder') return state.phase === 'stopping' ? climb(state, rules) : unchanged(state);
  return state.phase === 'backoff' ? spawn({ ...state, restarts: state.restarts + 1 }) : unchanged(state);
}

function spawn(state: LifecycleState): Step {
  const generation = state.generation + 1;
  return {
    state: { ...state, phase: 'starting', generation, next: 'stopped', rung: 'none', settled: false, retryAt: null },
    effects: [{ type: 'cancel-timers' }, { type: 'spawn', generation }],
  };
}

/** A failure: the tool comes down, and then waits for another try or has used them up. */
function fail(state: LifecycleState, problem: Problem, rules: LifecycleRules): Step {
  const failures = state.failures + 1;
  if (rules.restartPolicy === 'never') return takeDown({ ...state, failures, lastError: problem }, 'failed', rules);
  if (failures <= rules.maxRetries) return takeDown({ ...state, failures, lastError: problem }, 'backoff', rules);
  const tries =
    rules.maxRetries === 0 ? 'no restart is allowed' : `gave up after ${rules.maxRetries} restarts in a row`;
  const lastError = { ...problem, message: `${problem.message} (${tries})` };
  return takeDown({ ...state, failures, lastError }, 'failed', rules);
}

/** Begins a stop by command: nothing new is taken, calls in flight may end. What has crashed or is no good has no such time. */
function drain(state: LifecycleState, next: LifecycleState['next'], rules: LifecycleRules): Step {
  const { generation } = state;
  return {
    state: { ...state, phase: 'stopping', next, rung: 'draining' },
    effects: [{ type: 'cancel-timers' }, { type: 'drain', generation }, timer(state, 'ladder', rules.ladder.drainMs)],
  };
}

function isDraining({ phase, rung }: LifecycleState): boolean {
  return phase === 'stopping' && rung === 'draining';
}

/** Begins the stop ladder at once. */
function takeDown(state: LifecycleState, next: LifecycleState['next'], rules: LifecycleRules): Step {
  const step = closeInput({ ...state, phase: 'stopping', next }, rules);
  return { state: step.state, effects: [{ type: 'cancel-timers' }, ...step.effects] };
}

/** End of input is the polite request (2025-11-25 basic/lifecycle, shutdown). */
function closeInput(state: LifecycleState, rules: LifecycleRules): Step {
  return {
    state: { ...state, rung: 'input-closed' },
    effects: [{ type: 'close-input', generation: state.generation }, timer(state, 'ladder', rules.ladder.closeInputMs)],
  };
}

function climb(state: LifecycleState, rules: LifecycleRules): Step {
  const { generation } = state;
  if (state.rung === 'draining') return closeInput(state, rules);
  if (state.rung === 'input-closed') {
    return {
      state: { ...state, rung: 'terminated' },
      effects: [{ type: 'signal', generation, signal: 'SIGTERM' }, timer(state, 'ladder', rules.ladder.terminateMs)],
    };
  }
  if (state.rung === 'terminated') {
    return {
      state: { ...state, rung: 'killed' },
      effects: [{ type: 'signal', generation, signal: 'SIGKILL' }, timer(state, 'ladder', rules.ladder.killMs)],
    };
  }
  const lastError: Problem = {
    code: 'unkillable',
    message: 'A process of this tool survived SIGKILL',
    hint: 'It waits in the kernel (a stuck disk or network file system?); end that wait or restart the machine',
    at: rules.now,
  };
  // Stays in `stopping` until it is gone: failed would mean that nothing lives any more. A stop stays a stop.
  return unchanged({ ...state, rung: 'unkillable', lastError, next: state.next === 'stopped' ? 'stopped' : 'failed' });
}

function settle(state: LifecycleState, phase: 'stopped' | 'backoff' | 'failed'): LifecycleState {
  return { ...state, phase, next: 'stopped', rung: 'none', retryAt: null };
}

/** An exit that the policy does not restart. */
function isWantedEnd(exit: Exit, rules: LifecycleRules): boolean {
  return rules.restartPolicy === 'never' || (rules.restartPolicy === 'on-failure' && exit.code === 0);
}

/** 1 s, 2 s, 4 s ... with jitter of 50 to 100 %, so that tools that fell together don't rise together. */
function backoffDelay(failures: number, rules: LifecycleRules): number {
  const full = Math.min(rules.backoff.firstMs * 2 ** Math.max(0, failures - 1), rules.backoff.maxMs);
  return Math.round(full * (0.5 + rules.random / 2));
}

function timer(state: LifecycleState, name: TimerName, delayMs: number): Effect {
  return { type: 'set-timer', name, generation: state.generation, delayMs };
}
