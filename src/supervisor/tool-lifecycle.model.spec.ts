import fc from 'fast-check';
import {
  advance,
  type Effect,
  INITIAL_STATE,
  type LifecycleEvent,
  type LifecycleRules,
  type LifecycleState,
  type TimerName,
} from './tool-lifecycle';

/** What a child of the simulated world is like. */
interface Nature {
  spawn: 'comes' | 'fails' | 'fails-for-good';
  handshake: 'answers' | 'refuses' | 'exits' | 'exits-again' | 'exits-for-good' | 'hangs';
  heeds: 'eof' | 'term' | 'kill' | 'nothing';
}

interface Child extends Nature {
  generation: number;
  step: 'asked' | 'spawned' | 'ready' | 'failed';
  /** A member of the group lives. */
  alive: boolean;
  /** It was asked for its last calls; `held`: they have not ended. */
  drain: 'none' | 'held' | 'told';
  isClosed: boolean;
  /** SIGKILL is pending: it dies as soon as the kernel lets it. */
  isDoomed: boolean;
  ends: number;
}

type Action =
  | { is: 'start' | 'stop' | 'restart' }
  /** The next thing on some child's way happens. */
  | { is: 'progress' | 'exit' | 'lose' | 'lose-again' | 'ail' | 'mend' | 'let-go' | 'late'; pick: number }
  | { is: 'timer'; pick: number };

const PROBLEM = { code: 'exited', message: 'It exited', hint: 'Look', at: 0 };
const RULES: LifecycleRules = {
  restartPolicy: 'always',
  maxRetries: 3,
  backoff: { firstMs: 1_000, maxMs: 60_000 },
  stableMs: 60_000,
  ladder: { drainMs: 5_000, closeInputMs: 3_000, terminateMs: 5_000, killMs: 10_000 },
  now: 0,
  random: 0.5,
};

/** Processes and timers that obey the effects, and tell what happens as events. The rules of the lifecycle are checked at each step. */
class World {
  state: LifecycleState = INITIAL_STATE;
  readonly children: Child[] = [];
  readonly timers = new Map<TimerName, { generation: number }>();
  /** What the last command wanted; `failed` when that ended with a process that can't be killed. */
  wished: 'running' | 'stopped' | 'failed' = 'stopped';
  private readonly natures: Nature[];
  private readonly told: LifecycleEvent[] = [];

  constructor(
    natures: Nature[],
    private readonly rules: LifecycleRules,
  ) {
    this.natures = natures.map((one) => ({ ...one }));
  }

  act(action: Action): void {
    switch (action.is) {
      case 'start':
      case 'restart':
        // Refused, and answered so, while a process can't be killed.
        if (this.state.rung !== 'unkillable') this.wished = 'running';
        this.tell({ type: action.is });
        return;
      case 'stop':
        this.wished = 'stopped';
        this.tell({ type: 'stop' });
        return;
      case 'timer':
        this.fire([...this.timers.keys()][action.pick % Math.max(1, this.timers.size)]);
        return;
      case 'late':
        this.repeat(action.pick);
        return;
      default: {
        const child = this.children[action.pick % Math.max(1, this.children.length)];
        if (child) this.happen(child, action.is);
      }
    }
  }

  /** From here on nothing fails any more, and what was stuck lets go. */
  behave(): void {
    for (const one of this.natures) Object.assign(one, { spawn: 'comes', handshake: 'answers', heeds: 'eof' });
    for (const child of this.children) {
      Object.assign(child, { spawn: 'comes', handshake: 'answers' });
      this.happen(child, 'let-go');
    }
  }

  /** Lets everything happen that is under way, until nothing is; a timer fires only when nothing else can happen. */
  rest(): void {
    for (let turns = 0; turns < 500; turns++) {
      for (const child of this.children) if (child.drain === 'held' && !child.isClosed) this.happen(child, 'progress');
      const busy = this.children.find((child) => this.canProgress(child));
      if (busy) this.happen(busy, 'progress');
      else if (this.timers.size > 0 && !this.isQuiet()) this.fire([...this.timers.keys()][0]);
      else return;
    }
    throw new Error(`The world does not come to rest: ${JSON.stringify(this.state)}`);
  }

  /** The running tool waits for its stable time, nothing else is set. */
  private isQuiet(): boolean {
    return this.state.phase === 'running' && this.timers.size === 1 && this.timers.has('stable');
  }

  private canProgress(child: Child): boolean {
    if (child.isClosed && child.ends === 0) return !child.alive || child.step === 'asked';
    if (child.isClosed || child.generation !== this.state.generation) return false;
    return child.step === 'asked' || (child.step === 'spawned' && child.alive && child.handshake !== 'hangs');
  }

  private happen(child: Child, what: 'progress' | 'exit' | 'lose' | 'lose-again' | 'ail' | 'mend' | 'let-go'): void {
    const { generation } = child;
    if (what === 'let-go') {
      if (child.heeds === 'nothing') child.heeds = 'kill';
      if (child.isDoomed) child.alive = false;
    } else if (what === 'exit') {
      if (!child.alive || child.step === 'failed') return;
      child.alive = false;
      child.step = 'failed';
      this.tell(this.exit(generation, false));
    } else if (what === 'lose' || what === 'lose-again') {
      const again = what === 'lose-again';
      if (child.step === 'ready' && !child.isClosed) this.tell({ type: 'lost', generation, problem: PROBLEM, again });
    } else if (what === 'ail' || what === 'mend') {
      // A health check may tell anything of any child at any time.
      if (what === 'ail') this.tell({ type: 'degraded', generation, problem: PROBLEM });
      else this.tell({ type: 'recovered', generation, code: PROBLEM.code });
    } else if (child.drain === 'held') {
      // Its last calls end, maybe too late to matter.
      child.drain = 'told';
      this.tell({ type: 'drained', generation });
    } else if (child.step === 'asked') {
      this.spawn(child);
    } else if (child.isClosed) {
      if (child.alive || child.ends > 0) return;
      child.ends++;
      this.tell({ type: 'gone', generation });
    } else if (child.step === 'spawned' && child.alive) {
      this.shakeHands(child);
    }
  }

  private spawn(child: Child): void {
    const { generation } = child;
    if (child.spawn !== 'comes' || child.isClosed) {
      child.step = 'failed';
      const permanent = child.spawn === 'fails-for-good';
      this.tell({ type: 'start-failed', generation, problem: PROBLEM, permanent });
      return;
    }
    child.alive = true;
    child.step = 'spawned';
    this.tell({ type: 'spawned', generation });
  }

  private shakeHands(child: Child): void {
    const { generation, handshake } = child;
    if (handshake === 'hangs') return;
    child.step = handshake === 'answers' ? 'ready' : 'failed';
    child.alive = handshake === 'answers' || handshake === 'refuses';
    if (handshake === 'answers') this.tell({ type: 'ready', generation });
    else if (handshake === 'refuses')
      this.tell({ type: 'start-failed', generation, problem: PROBLEM, permanent: false });
    else this.tell(this.exit(generation, handshake === 'exits-again', handshake === 'exits-for-good'));
  }

  private exit(generation: number, again: boolean, permanent = false): LifecycleEvent {
    return {
      type: 'exited',
      generation,
      exit: { code: generation % 3 === 0 ? 0 : 1, signal: null, at: 0 },
      problem: PROBLEM,
      again,
      permanent,
    };
  }

  private fire(name: TimerName | undefined): void {
    const timer = name === undefined ? undefined : this.timers.get(name);
    if (name === undefined || timer === undefined) return;
    this.timers.delete(name);
    this.tell({ type: 'timer', name, generation: timer.generation });
  }

  /** An event of an older generation comes once more: it must change nothing. */
  private repeat(pick: number): void {
    const old = this.told.filter((event) => 'generation' in event && event.generation < this.state.generation);
    const event = old[pick % Math.max(1, old.length)];
    if (event) expect(advance(this.state, event, this.rules)).toEqual({ state: this.state, effects: [] });
  }

  private tell(event: LifecycleEvent): void {
    this.told.push(event);
    const { state, effects } = advance(this.state, event, this.rules);
    this.state = state;
    for (const effect of effects) this.carryOut(effect);
    if (state.rung === 'unkillable' && this.wished === 'running') this.wished = 'failed';
    this.check();
  }

  private carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'spawn': {
        const nature = this.natures[effect.generation % this.natures.length]!;
        const fresh = {
          generation: effect.generation,
          step: 'asked',
          alive: false,
          drain: 'none',
          isClosed: false,
          isDoomed: false,
          ends: 0,
        } as const;
        this.children.push({ ...nature, ...fresh });
        return;
      }
      case 'drain': {
        const child = this.child(effect.generation);
        expect([child.drain, child.isClosed]).toEqual(['none', false]);
        child.drain = 'held';
        return;
      }
      case 'close-input': {
        const child = this.child(effect.generation);
        expect(child.isClosed).toBe(false);
        child.isClosed = true;
        if (child.heeds === 'eof') child.alive = false;
        return;
      }
      case 'signal': {
        const child = this.child(effect.generation);
        if (effect.signal === 'SIGKILL') child.isDoomed = true;
        if (child.heeds !== 'nothing' && (effect.signal === 'SIGKILL' || child.heeds === 'term')) child.alive = false;
        return;
      }
      case 'set-timer':
        this.timers.set(effect.name, { generation: effect.generation });
        return;
      case 'cancel-timers':
        this.timers.clear();
    }
  }

  private check(): void {
    const { phase, generation } = this.state;
    const living = this.children.filter((child) => child.alive);
    expect(living.length).toBeLessThanOrEqual(1);
    for (const child of living) expect(child.generation).toBe(generation);
    const isDown = phase === 'stopped' || phase === 'failed' || phase === 'backoff';
    if (isDown) expect(living).toEqual([]);
    // Every spawn has exactly one end, and the next one comes after it.
    for (const child of this.children) {
      const isOver = child.generation < generation || isDown;
      expect(child.ends).toBe(isOver ? 1 : 0);
    }
    const allowed: Partial<Record<typeof phase, TimerName>> = {
      running: 'stable',
      stopping: 'ladder',
      backoff: 'retry',
    };
    for (const [name, timer] of this.timers) expect([name, timer.generation]).toEqual([allowed[phase], generation]);
    if (phase === 'backoff') expect(this.timers.size).toBe(1);
    // Settled is a way to be at rest, and ends with every new life.
    if (this.state.settled) expect(['stopping', 'stopped']).toContain(phase);
    if (phase === 'running') expect(this.child(generation).step).not.toBe('asked');
  }

  private child(generation: number): Child {
    return this.children.find((child) => child.generation === generation)!;
  }
}

const pick = fc.nat(50);
const command = fc.record({ is: fc.constantFrom('start' as const, 'stop' as const, 'restart' as const) });
const worldEvent = fc.record({
  is: fc.constantFrom(
    'progress' as const,
    'progress' as const,
    'exit' as const,
    'lose' as const,
    'lose-again' as const,
  ),
  pick,
});
const health = fc.record({ is: fc.constantFrom('ail' as const, 'mend' as const), pick });
const others = fc.record({ is: fc.constantFrom('timer' as const, 'late' as const, 'let-go' as const), pick });
const newest = fc.constant<Action>({ is: 'progress', pick: 0 });
const actions = fc.array(
  fc.oneof<fc.WeightedArbitrary<Action>[]>(
    { weight: 3, arbitrary: command },
    { weight: 4, arbitrary: worldEvent },
    { weight: 3, arbitrary: others },
    { weight: 1, arbitrary: health },
    { weight: 1, arbitrary: newest },
  ),
  { minLength: 1, maxLength: 60 },
);
const nature = fc.record<Nature>({
  spawn: fc.constantFrom('comes', 'comes', 'comes', 'fails', 'fails-for-good'),
  handshake: fc.constantFrom(
    'answers',
    'answers',
    'answers',
    'refuses',
    'exits',
    'exits-again',
    'exits-for-good',
    'hangs',
  ),
  heeds: fc.constantFrom('eof', 'eof', 'term', 'kill', 'nothing'),
});
const policy = fc.constantFrom('always' as const, 'on-failure' as const, 'never' as const);

describe('the life of a tool in a random world', () => {
  it('F26: never has two generations, never rests over a living member, and ends every spawn once', () => {
    fc.assert(
      fc.property(
        fc.array(nature, { minLength: 1, maxLength: 6 }),
        policy,
        fc.nat(4),
        actions,
        (natures, restartPolicy, maxRetries, steps) => {
          const world = new World(natures, { ...RULES, restartPolicy, maxRetries });
          for (const step of steps) world.act(step);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('F26: comes to rest where it was last wished, once the world behaves', () => {
    const temporary = nature.filter((one) => one.spawn !== 'fails-for-good' && one.handshake !== 'exits-for-good');
    fc.assert(
      fc.property(fc.array(temporary, { minLength: 1, maxLength: 6 }), actions, (natures, steps) => {
        const world = new World(natures, { ...RULES, maxRetries: 1_000 });
        for (const step of steps) world.act(step);
        world.behave();
        world.rest();
        expect(world.state.phase).toBe(world.wished);
        if (world.wished !== 'running') expect(world.timers.size).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });
});
