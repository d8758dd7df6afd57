import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../common/clock';
import type { Semaphore } from '../common/semaphore';
import type { RpcParams } from '../mcp/json-rpc.types';
import type { ProtocolEra } from '../mcp/peer.types';
import { EraMemory } from './era-memory';
import { problem } from './failure-explanation';
import { type FiredTimer, LifecycleTimers } from './lifecycle-timers';
import { SessionReport } from './session-report';
import { StderrRing, type StderrSink } from './stderr-ring';
import { FIRST_DEFAULTS, sameConnection, type SupervisedTool } from './supervised-tool';
import {
  advance,
  type Effect,
  INITIAL_STATE,
  type LifecycleEvent,
  type LifecycleState,
  type LifecycleTimes,
  type Rung,
} from './tool-lifecycle';
import { type SessionSurroundings, ToolSession } from './tool-session';
import { within } from './within';

/** How a start that somebody waits for ended. */
export type StartOutcome = 'ready' | 'failed' | 'aborted';

/** The handshake of a server that one client has for itself. */
export interface OwnHandshake {
  probe: 'auto' | ProtocolEra;
  /** The client's own parameters of `initialize`. */
  initialize?: RpcParams;
}

export interface InstanceSurroundings extends SessionSurroundings {
  clock: Clock;
  /** Bounds how many tools start at once. */
  starts: Semaphore;
  /** Read at each step: a shutdown of the house makes them shorter. */
  readonly times: LifecycleTimes;
  /** A start keeps its slot this long at most: one that hangs must not hold up the others. */
  slotMs: number;
  /** How its servers are spoken to first, where not as everybody's. */
  handshake?: OwnHandshake;
  /** Makes the place where stderr goes beside the ring; none for what is only tried. */
  stderrSink?: (tool: () => SupervisedTool) => StderrSink;
  /** Told after each change of state. */
  onChange: (instance: ToolInstance, before: LifecycleState) => void;
  /** Told of what nobody foresaw, and nobody waits for: it is this tool's trouble, and never the end of MCPS.ONE. */
  onFault?: (tool: SupervisedTool, what: string, error: unknown) => void;
}

interface Waiter {
  /** The answer once there is one. */
  settle: (state: LifecycleState) => boolean;
}

/** How often a process group that is coming down is looked at. */
const GONE_POLL_MS = 20;
const UNKILLABLE_POLL_MS = 1_000;
/** A timer that fires so much too late tells that we were stopped ourselves, and with us the time that a child was given. */
const SUSPENDED_MS = 2_000;

/** One tool alive: carries out what the lifecycle says and tells it what happens. All events pass `dispatch`, one by one. */
export class ToolInstance {
  readonly stderr: StderrRing;
  private state: LifecycleState = INITIAL_STATE;
  private session: ToolSession | null = null;
  private readonly timers: LifecycleTimers;
  private waiters: Waiter[] = [];
  private readonly era = new EraMemory();
  private readySince: { at: number; monotonic: number } | null = null;
  /** The rung that has been given its time once more. */
  private graced: { generation: number; rung: Rung } | null = null;
  /** What peers show in records: follows the definition. */
  private readonly shown: { id: string; name: string; recordPayloads: boolean };

  constructor(
    private definition: SupervisedTool,
    private readonly surroundings: InstanceSurroundings,
  ) {
    this.stderr = new StderrRing(
      () => surroundings.clock.now(),
      surroundings.stderrSink?.(() => this.definition),
    );
    this.timers = new LifecycleTimers(
      () => surroundings.clock.monotonic(),
      (fired) => this.onTimer(fired),
    );
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

  /** The newest session there was, whether it lives or not. */
  get newest(): ToolSession | null {
    return this.session;
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

  /** Resolves when it runs (true), or will not run without being asked to; what is between is waited for. */
  whenReady(): Promise<boolean> {
    return this.wait(({ phase }) => {
      if (phase === 'running') return true;
      return phase === 'failed' || phase === 'stopped' ? false : undefined;
    });
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
    this.dispatch({ type: 'lost', generation, problem: problem(code, message, clock.now()), again: false });
  }

  /** It runs, but something is wrong that may pass. */
  degrade(generation: number, code: string, message: string): void {
    const at = this.surroundings.clock.now();
    this.dispatch({ type: 'degraded', generation, problem: problem(code, message, at) });
  }

  /** What `degrade` told under this code has passed. */
  recover(generation: number, code: string): void {
    this.dispatch({ type: 'recovered', generation, code });
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
          // Settled: it ended by itself before it was ready.
          return state.settled ? 'failed' : 'aborted';
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
      maxRetries: this.definition.maxRetries ?? (this.surroundings.defaults ?? FIRST_DEFAULTS).maxRetries,
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
    try {
      this.surroundings.onChange(this, before);
    } catch (error) {
      this.fault('Who watches a tool failed when its state changed', error);
    }
  }

  private fault(what: string, error: unknown): void {
    this.surroundings.onFault?.(this.definition, what, error);
  }

  private markReady(): void {
    this.readySince = { at: this.surroundings.clock.now(), monotonic: this.surroundings.clock.monotonic() };
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'spawn':
        void this.surroundings.starts.run(() => within(this.surroundings.slotMs, this.bringUp(effect.generation)));
        return;
      case 'drain':
        void this.drain(effect.generation);
        return;
      case 'close-input':
        void this.takeDown(effect.generation);
        return;
      case 'signal':
        this.current?.process?.signal(effect.signal);
        return;
      case 'set-timer':
        this.timers.set(effect.name, effect.generation, effect.delayMs);
        return;
      case 'cancel-timers':
        this.timers.cancelAll();
    }
  }

  /** One life from spawn to ready; what comes after is told by the report. Never rejects. */
  private async bringUp(generation: number): Promise<void> {
    // It may have been stopped while it waited for its turn.
    if (this.state.generation !== generation || this.state.phase !== 'starting') return;
    try {
      await this.beginLife(generation);
    } catch (error) {
      this.fault('A tool could not be started for a reason that nobody foresaw', error);
      // Not the error itself: no mask of this tool's secrets may be there yet.
      const failure = problem('start_failed', 'An unexpected error; see the system log', this.surroundings.clock.now());
      this.dispatch({ type: 'start-failed', generation, problem: failure, permanent: false });
    }
  }

  private async beginLife(generation: number): Promise<void> {
    const { clock } = this.surroundings;
    const session = new ToolSession(generation, this.definition, this.shown, this.surroundings);
    this.session = session;
    const began = clock.monotonic();
    const { handshake } = this.surroundings;
    const probe = handshake?.probe ?? this.era.probeFor(this.definition, clock.now());
    const report = new SessionReport(session, probe, {
      clock,
      era: this.era,
      stderr: this.stderr,
      phase: () => this.state.phase,
      tell: (event: LifecycleEvent) => this.dispatch(event),
      fault: (what, error) => this.fault(what, error),
    });
    try {
      await session.open(this.stderr);
      this.dispatch({ type: 'spawned', generation });
      report.watchEnd();
      const { era } = await session.handshake(probe, clock.monotonic() - began, handshake?.initialize);
      this.era.learn(era, session.tool, clock.now());
      this.dispatch({ type: 'ready', generation });
    } catch (error) {
      await report.startFailed(error);
    }
  }

  /** Nothing new is taken; reports when what is in flight has ended. Never rejects. */
  private async drain(generation: number): Promise<void> {
    try {
      await this.current?.peer?.drain();
    } catch (error) {
      this.fault('The calls of a tool could not be waited for', error);
    }
    this.dispatch({ type: 'drained', generation });
  }

  /**
   * Ends a generation politely and reports when nothing of it is left; the ladder of the lifecycle adds the force. Never
   * rejects: what fails on the way is told, and the way goes on.
   */
  private async takeDown(generation: number): Promise<void> {
    const session = this.session;
    if (session?.generation === generation) {
      await session.close().catch((error: unknown) => this.fault('A tool could not be ended politely', error));
      while (!session.isGone()) await delay(this.state.rung === 'unkillable' ? UNKILLABLE_POLL_MS : GONE_POLL_MS);
      await session
        .release()
        .catch((error: unknown) => this.fault('What a tool has left behind could not be cleared away', error));
    } else {
      await Promise.resolve(); // it never began; still, events follow one another and don't nest
    }
    this.dispatch({ type: 'gone', generation });
  }

  private onTimer({ name, generation, delayMs, lateMs }: FiredTimer): void {
    if (name === 'ladder' && this.deservesGrace(lateMs)) this.timers.set(name, generation, delayMs);
    else this.dispatch({ type: 'timer', name, generation });
  }

  /**
   * Whether the rung gets its time once more (F32): after a suspension of ours the child has not had it; and one that is
   * gone already is only waiting for us to look.
   */
  private deservesGrace(lateMs: number): boolean {
    const { generation, rung } = this.state;
    if (this.graced?.generation === generation && this.graced.rung === rung) return false;
    const isGone = rung !== 'draining' && this.current?.isGone() === true;
    if (!isGone && lateMs < SUSPENDED_MS) return false;
    this.graced = { generation, rung };
    return true;
  }
}
