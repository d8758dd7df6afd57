import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../common/clock';
import type { Semaphore } from '../common/semaphore';
import { HandshakeError } from '../mcp/peer.errors';
import type { ProtocolEra } from '../mcp/peer.types';
import { exitProblem, problem, QUOTED_LINES, startProblem } from './failure-explanation';
import { StderrRing } from './stderr-ring';
import { sameConnection, type SupervisedTool } from './supervised-tool';
import {
  advance,
  type Effect,
  INITIAL_STATE,
  type LifecycleEvent,
  type LifecycleState,
  type LifecycleTimes,
  type TimerName,
} from './tool-lifecycle';
import { type SessionSurroundings, ToolSession } from './tool-session';

/** How a start that somebody waits for ended. */
export type StartOutcome = 'ready' | 'failed' | 'aborted';

export interface InstanceSurroundings extends SessionSurroundings {
  clock: Clock;
  /** Bounds how many tools start at once. */
  starts: Semaphore;
  times: LifecycleTimes;
  /** A start keeps its slot this long at most: one that hangs must not hold up the others. */
  slotMs: number;
  /** Told after each change of state. */
  onChange: (instance: ToolInstance, before: LifecycleState) => void;
}

interface Waiter {
  /** The answer once there is one. */
  settle: (state: LifecycleState) => boolean;
}

/** How often a process group that is coming down is looked at. */
const GONE_POLL_MS = 20;
const UNKILLABLE_POLL_MS = 1_000;
/** A failed handshake may be the first sign of an exit; this long we wait for the exit itself, which tells more. */
const EXIT_GRACE_MS = 300;
/** A verdict on a server's era is asked for anew after this long: servers get updated. */
const ERA_VERDICT_MS = 24 * 3600_000;

/** One tool alive: carries out what the lifecycle says and tells it what happens. All events pass `dispatch`, one by one. */
export class ToolInstance {
  readonly stderr: StderrRing;
  private state: LifecycleState = INITIAL_STATE;
  private session: ToolSession | null = null;
  private readonly timers = new Map<TimerName, NodeJS.Timeout>();
  private waiters: Waiter[] = [];
  private era: { verdict: ProtocolEra; tool: SupervisedTool; at: number } | null = null;
  private readySince: { at: number; monotonic: number } | null = null;
  /** What peers show in records: follows the definition. */
  private readonly shown: { id: string; name: string; recordPayloads: boolean };

  constructor(
    private definition: SupervisedTool,
    private readonly surroundings: InstanceSurroundings,
  ) {
    this.stderr = new StderrRing(() => surroundings.clock.now());
    this.shown = { id: definition.id, name: definition.name, recordPayloads: definition.recordPayloads };
  }

  get tool(): SupervisedTool {
    return this.definition;
  }

  get lifecycle(): LifecycleState {
    return this.state;
  }

  /** The session that calls may use, or null. */
  get live(): ToolSession | null {
    return this.state.phase === 'running' ? this.session : null;
  }

  /** The session of the newest generation; null while that one still waits for its turn. */
  get current(): ToolSession | null {
    return this.session?.generation === this.state.generation ? this.session : null;
  }

  get startedAt(): number | null {
    return this.state.phase === 'running' ? (this.readySince?.at ?? null) : null;
  }

  get uptimeMs(): number | null {
    if (this.state.phase !== 'running' || this.readySince === null) return null;
    return this.surroundings.clock.monotonic() - this.readySince.monotonic;
  }

  /** Whether what runs was started from an older connection than the definition has now. */
  get restartRequired(): boolean {
    const runs =
      this.state.phase === 'starting' || this.state.phase === 'handshaking' || this.state.phase === 'running';
    return runs && this.current !== null && !sameConnection(this.current.tool, this.definition);
  }

  /** Takes a changed definition; what runs goes on from the old connection until it is restarted. */
  define(definition: SupervisedTool): void {
    this.definition = definition;
    this.shown.name = definition.name;
    this.shown.recordPayloads = definition.recordPayloads;
  }

  /** Resolves with the end of the first attempt; running already is `ready`. */
  start(): Promise<StartOutcome> {
    this.dispatch({ type: 'start' });
    return this.startOutcome();
  }

  restart(): Promise<StartOutcome> {
    this.dispatch({ type: 'restart' });
    return this.startOutcome();
  }

  /** Resolves when no process is left: true, or false if one can't be killed. */
  stop(): Promise<boolean> {
    this.dispatch({ type: 'stop' });
    const stopping = this.state.generation;
    return this.wait((state) => {
      if (state.phase !== 'stopping' || state.generation !== stopping) return true;
      return state.rung === 'unkillable' ? false : undefined;
    });
  }

  /**
   * Takes down what runs because it is no good any more (over its memory limit, deaf); the restart policy decides what
   * follows. Nothing happens if that generation does not run any more.
   */
  condemn(generation: number, code: string, message: string): void {
    const { clock } = this.surroundings;
    this.dispatch({ type: 'lost', generation, problem: problem(code, message, clock.now()) });
  }

  /** How the first attempt from now on ends. A restart has left `running` already when this looks. */
  private startOutcome(): Promise<StartOutcome> {
    return this.wait((state) => {
      switch (state.phase) {
        case 'running':
          return 'ready';
        case 'backoff':
        case 'failed':
          return 'failed';
        case 'stopped':
          return 'aborted';
        case 'stopping':
          return state.rung === 'unkillable' ? 'failed' : undefined;
        default:
          return undefined;
      }
    });
  }

  private wait<T>(verdict: (state: LifecycleState) => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const settle = (state: LifecycleState): boolean => {
        const answer = verdict(state);
        if (answer === undefined) return false;
        resolve(answer);
        return true;
      };
      if (!settle(this.state)) this.waiters.push({ settle });
    });
  }

  private dispatch(event: LifecycleEvent): void {
    const before = this.state;
    const { state, effects } = advance(before, event, {
      ...this.surroundings.times,
      restartPolicy: this.definition.restartPolicy,
      maxRetries: this.definition.maxRetries,
      now: this.surroundings.clock.now(),
      random: Math.random(),
    });
    this.state = state;
    if (state.phase === 'running' && before.phase !== 'running') this.markReady();
    for (const effect of effects) this.carryOut(effect);
    if (state !== before) this.announce(before);
  }

  private announce(before: LifecycleState): void {
    this.waiters = this.waiters.filter((waiter) => !waiter.settle(this.state));
    this.surroundings.onChange(this, before);
  }

  private markReady(): void {
    this.readySince = { at: this.surroundings.clock.now(), monotonic: this.surroundings.clock.monotonic() };
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'spawn':
        void this.surroundings.starts.run(() => within(this.surroundings.slotMs, this.bringUp(effect.generation)));
        return;
      case 'close-input':
        void this.takeDown(effect.generation);
        return;
      case 'signal':
        this.current?.process?.signal(effect.signal);
        return;
      case 'set-timer':
        this.setTimer(effect.name, effect.generation, effect.delayMs);
        return;
      case 'cancel-timers':
        for (const timer of this.timers.values()) clearTimeout(timer);
        this.timers.clear();
    }
  }

  /** One life from spawn to ready; what comes after is told by `watch`. Never rejects. */
  private async bringUp(generation: number): Promise<void> {
    // It may have been stopped while it waited for its turn.
    if (this.state.generation !== generation || this.state.phase !== 'starting') return;
    const { clock } = this.surroundings;
    const session = new ToolSession(generation, this.definition, this.shown, this.surroundings);
    this.session = session;
    const began = clock.monotonic();
    const { heard } = this.stderr;
    const probe = this.probeMode();
    try {
      await session.open(this.stderr);
      this.dispatch({ type: 'spawned', generation });
      this.watch(session, heard);
      const { era } = await session.handshake(probe, clock.monotonic() - began);
      this.era = { verdict: era, tool: session.tool, at: clock.now() };
      this.dispatch({ type: 'ready', generation });
    } catch (error) {
      await this.reportStartFailure(session, error, { probe, heard });
    }
  }

  private probeMode(): 'auto' | ProtocolEra {
    const known = this.era;
    if (known === null || !sameConnection(known.tool, this.definition)) return 'auto';
    return this.surroundings.clock.now() - known.at > ERA_VERDICT_MS ? 'auto' : known.verdict;
  }

  private async reportStartFailure(
    session: ToolSession,
    error: unknown,
    start: { probe: 'auto' | ProtocolEra; heard: number },
  ): Promise<void> {
    const { generation, process: child } = session;
    // Of a start that was taken down nothing is to be learnt, here and below.
    if (!session.signal.aborted) this.era = null;
    const exit = child !== null && mayBeAnExit(error) ? await within(EXIT_GRACE_MS, child.exited) : undefined;
    const at = this.surroundings.clock.now();
    const stderr = this.stderr.since(start.heard, QUOTED_LINES);
    if (!exit) {
      const failure = startProblem(error, at, { stderr, mask: session.mask });
      // A remembered verdict may be out of date; the next try asks anew.
      const permanent = failure.permanent && !(error instanceof HandshakeError && start.probe !== 'auto');
      this.dispatch({ type: 'start-failed', generation, problem: failure.problem, permanent });
      return;
    }
    // Some servers end on a method they don't know: they are asked once more without the probe.
    const isProbes = error instanceof HandshakeError && error.code === 'closed_during_probe';
    const again = !session.signal.aborted && start.probe === 'auto' && isProbes;
    if (again) this.era = { verdict: 'legacy', tool: session.tool, at };
    const explanation = exitProblem(exit, at, { ready: false, stderr });
    this.dispatch({ type: 'exited', generation, exit: { ...exit, at }, problem: explanation, again });
  }

  /** Tells the lifecycle how the session ends, whenever that is. */
  private watch(session: ToolSession, heard: number): void {
    const { generation, process: child, peer } = session;
    const { clock } = this.surroundings;
    void child?.exited.then((exit) => {
      // Calls in flight fail now, and with the true reason.
      session.endBecause(
        'process_exited',
        `the program ${exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`}`,
      );
      // Until the handshake is over, reportStartFailure tells it: it knows more.
      if (this.state.phase === 'handshaking' && session.identity === null) return;
      const at = clock.now();
      const explanation = exitProblem(exit, at, { ready: true, stderr: this.stderr.since(heard, QUOTED_LINES) });
      this.dispatch({ type: 'exited', generation, exit: { ...exit, at }, problem: explanation, again: false });
    });
    peer?.onClose((end) => {
      void within<unknown>(EXIT_GRACE_MS, child?.exited ?? Promise.resolve()).then(() => {
        const code = child === null ? end.code : 'connection_lost';
        this.dispatch({
          type: 'lost',
          generation,
          problem: problem(code, session.mask.apply(end.message), clock.now()),
        });
      });
    });
  }

  /** Ends a generation politely and reports when nothing of it is left; the ladder of the lifecycle adds the force. */
  private async takeDown(generation: number): Promise<void> {
    const session = this.session;
    if (session?.generation === generation) {
      await session.close();
      while (!session.isGone()) await delay(this.state.rung === 'unkillable' ? UNKILLABLE_POLL_MS : GONE_POLL_MS);
      await session.release();
    } else {
      await Promise.resolve(); // it never began; still, events follow one another and don't nest
    }
    this.dispatch({ type: 'gone', generation });
  }

  private setTimer(name: TimerName, generation: number, delayMs: number): void {
    clearTimeout(this.timers.get(name));
    this.timers.set(
      name,
      setTimeout(() => {
        this.timers.delete(name);
        this.dispatch({ type: 'timer', name, generation });
      }, delayMs),
    );
  }
}

/** Whether a failed start may be the first sign of an exit; an answer of the server and its silence tell enough themselves. */
function mayBeAnExit(error: unknown): boolean {
  return !(error instanceof HandshakeError) || error.code.startsWith('closed_');
}

/** The value of `work`, or undefined if it takes longer; the work itself goes on. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | undefined> {
  const limit = new AbortController();
  try {
    return await Promise.race([work, delay(ms, undefined, { signal: limit.signal })]);
  } finally {
    limit.abort();
  }
}
