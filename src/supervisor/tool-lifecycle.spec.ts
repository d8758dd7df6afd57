import {
  advance,
  DEFAULT_TIMES,
  type Effect,
  INITIAL_STATE,
  type LifecycleEvent,
  type LifecycleRules,
  type LifecycleState,
  type Phase,
  type Problem,
  SHUTDOWN_TIMES,
} from './tool-lifecycle';

const PROBLEM: Problem = { code: 'exited', message: 'The program exited with code 1', hint: 'Look', at: 5 };
const CANCEL: Effect = { type: 'cancel-timers' };
const STARTING: Phase[] = ['starting', 'handshaking'];
const LIVING: Phase[] = [...STARTING, 'running'];
const PHASES: Phase[] = [...LIVING, 'stopped', 'stopping', 'backoff', 'failed'];

function rules(given: Partial<LifecycleRules> = {}): LifecycleRules {
  return { ...DEFAULT_TIMES, restartPolicy: 'always', maxRetries: 3, now: 1_000, random: 0, ...given };
}

/** A tool in its seventh life. */
function at(phase: Phase, given: Partial<LifecycleState> = {}): LifecycleState {
  return { ...INITIAL_STATE, generation: 7, rung: phase === 'stopping' ? 'input-closed' : 'none', phase, ...given };
}

function after(state: LifecycleState, event: LifecycleEvent, given: Partial<LifecycleRules> = {}) {
  return advance(state, event, rules(given));
}

/** Several events one after the other. */
function follow(state: LifecycleState, events: LifecycleEvent[], given: Partial<LifecycleRules> = {}) {
  return events.reduce((now, event) => after(now, event, given).state, state);
}

const spawned: LifecycleEvent = { type: 'spawned', generation: 7 };
const ready: LifecycleEvent = { type: 'ready', generation: 7 };
const gone: LifecycleEvent = { type: 'gone', generation: 7 };
const lost: LifecycleEvent = { type: 'lost', generation: 7, problem: PROBLEM, again: false };
const lostAgain: LifecycleEvent = { ...lost, again: true };
const drained: LifecycleEvent = { type: 'drained', generation: 7 };
const DEAF: Problem = { code: 'unresponsive', message: 'It does not answer', hint: 'Look', at: 6 };
const degraded: LifecycleEvent = { type: 'degraded', generation: 7, problem: DEAF };
const recovered: LifecycleEvent = { type: 'recovered', generation: 7, code: 'unresponsive' };
const retry: LifecycleEvent = { type: 'timer', name: 'retry', generation: 7 };
const stable: LifecycleEvent = { type: 'timer', name: 'stable', generation: 7 };
const ladder: LifecycleEvent = { type: 'timer', name: 'ladder', generation: 7 };
const exited = (code = 1, again = false): LifecycleEvent => {
  return { type: 'exited', generation: 7, exit: { code, signal: null, at: 5 }, problem: PROBLEM, again };
};
const startFailed = (permanent = false): LifecycleEvent => {
  return { type: 'start-failed', generation: 7, problem: PROBLEM, permanent };
};

describe('the life of a tool', () => {
  it('goes from spawn over handshake to running, and remembers no error then', () => {
    const begun = after(at('stopped'), { type: 'start' });
    expect(begun.state).toMatchObject({ phase: 'starting', generation: 8 });
    expect(begun.effects).toEqual([CANCEL, { type: 'spawn', generation: 8 }]);
    expect(after(at('starting'), spawned)).toEqual({ state: at('handshaking'), effects: [] });
    expect(after(at('handshaking', { lastError: PROBLEM, failures: 2 }), ready)).toEqual({
      state: at('running', { failures: 2 }),
      effects: [{ type: 'set-timer', name: 'stable', generation: 7, delayMs: 60_000 }],
    });
  });

  it.each(STARTING)('begins the stop ladder with the end of input when stopped while %s', (phase) => {
    expect(after(at(phase), { type: 'stop' })).toEqual({
      state: at('stopping', { next: 'stopped' }),
      effects: [
        CANCEL,
        { type: 'close-input', generation: 7 },
        { type: 'set-timer', name: 'ladder', generation: 7, delayMs: 3_000 },
      ],
    });
  });

  it('lets calls in flight end first when stopped or restarted while running, for 5 s at most', () => {
    for (const type of ['stop', 'restart'] as const) {
      const next = type === 'stop' ? 'stopped' : 'starting';
      const draining = after(at('running'), { type });
      expect(draining).toEqual({
        state: at('stopping', { next, rung: 'draining' }),
        effects: [
          CANCEL,
          { type: 'drain', generation: 7 },
          { type: 'set-timer', name: 'ladder', generation: 7, delayMs: 5_000 },
        ],
      });
      const closing = {
        state: at('stopping', { next }),
        effects: [
          { type: 'close-input', generation: 7 },
          { type: 'set-timer', name: 'ladder', generation: 7, delayMs: 3_000 },
        ],
      };
      for (const event of [drained, ladder, lost]) expect(after(draining.state, event)).toEqual(closing);
      const { lastExit, ...rest } = after(draining.state, exited(0)).state;
      expect(lastExit).toMatchObject({ code: 0 });
      expect({ ...rest, lastExit: null }).toEqual(closing.state);
      // Only the first of them counts.
      expect(after(closing.state, drained)).toEqual({ state: closing.state, effects: [] });
    }
  });

  it('does not wait for the calls of what has crashed, is lost or condemned', () => {
    for (const event of [exited(), exited(0), lost, lostAgain]) {
      const { state, effects } = after(at('running'), event);
      expect(state.rung).toBe('input-closed');
      expect(effects).not.toContainEqual({ type: 'drain', generation: 7 });
    }
  });

  it.each(LIVING)('takes down what is there before a restart while %s', (phase) => {
    const { state, effects } = after(at(phase, { failures: 3, restarts: 3, lastError: PROBLEM }), { type: 'restart' });
    expect(state).toEqual(
      at('stopping', { next: 'starting', rung: phase === 'running' ? 'draining' : 'input-closed' }),
    );
    expect(effects.some((effect) => effect.type === 'spawn')).toBe(false);
    expect(after(state, gone)).toEqual({
      state: at('starting', { generation: 8 }),
      effects: [CANCEL, CANCEL, { type: 'spawn', generation: 8 }],
    });
  });

  it.each<Phase>(['stopped', 'backoff', 'failed'])(
    'starts at once when started while %s, failures forgotten',
    (phase) => {
      const state = at(phase, { failures: 4, restarts: 3, retryAt: 9, lastError: PROBLEM });
      for (const type of ['start', 'restart'] as const) {
        expect(after(state, { type })).toEqual({
          state: at('starting', { generation: 8 }),
          effects: [CANCEL, { type: 'spawn', generation: 8 }],
        });
      }
    },
  );

  it.each(LIVING)('joins what is there when started while %s', (phase) => {
    expect(after(at(phase), { type: 'start' })).toEqual({ state: at(phase), effects: [] });
  });

  it.each(STARTING)('counts anew when started while a retry of its own is %s', (phase) => {
    const retrying = at(phase, { failures: 3, restarts: 3, lastError: PROBLEM });
    expect(after(retrying, { type: 'start' })).toEqual({ state: at(phase), effects: [] });
  });

  it('counts anew when started while running, and keeps what is wrong with it now', () => {
    const shaky = at('running', { failures: 1, restarts: 2, lastError: DEAF });
    expect(after(shaky, { type: 'start' })).toEqual({ state: at('running', { lastError: DEAF }), effects: [] });
  });

  it('shows what is wrong with a running tool until it has recovered from it', () => {
    const shaky = after(at('running'), degraded);
    expect(shaky).toEqual({ state: at('running', { lastError: DEAF }), effects: [] });
    expect(after(shaky.state, recovered)).toEqual({ state: at('running'), effects: [] });
    const other = at('running', { lastError: PROBLEM });
    expect(after(other, recovered)).toEqual({ state: other, effects: [] });
  });

  it('starts after the stop when started or restarted while stopping, and stays down when stopped after that', () => {
    const stopping = at('stopping', { next: 'stopped', failures: 2, restarts: 2, lastError: PROBLEM });
    for (const type of ['start', 'restart'] as const) {
      const wanted = after(stopping, { type });
      expect(wanted).toEqual({ state: at('stopping', { next: 'starting' }), effects: [] });
      expect(after(wanted.state, gone).state).toMatchObject({ phase: 'starting', generation: 8 });
      expect(follow(wanted.state, [{ type: 'stop' }, gone])).toEqual(at('stopped'));
    }
  });

  it('cancels the retry when stopped in backoff, and leaves failed for stopped', () => {
    for (const phase of ['backoff', 'failed'] as const) {
      const { state, effects } = after(at(phase, { retryAt: 99, lastError: PROBLEM }), { type: 'stop' });
      expect(state).toEqual(at('stopped', { lastError: PROBLEM }));
      expect(effects).toEqual([CANCEL]);
    }
    expect(after(at('stopped'), { type: 'stop' }).effects).toEqual([]);
  });

  it('leaves stopping only when nothing is left, whatever else is told meanwhile', () => {
    const told = [spawned, ready, drained, lost, degraded, recovered, startFailed(true), retry, stable, exited(0)];
    expect(follow(at('stopping'), told)).toMatchObject({ phase: 'stopping', next: 'stopped', lastExit: { code: 0 } });
  });

  it.each(PHASES)('takes no notice of an older or a never born generation while %s', (phase) => {
    for (const generation of [6, 8]) {
      const late = [drained, lostAgain, degraded, recovered];
      for (const event of [spawned, ready, gone, lost, retry, stable, ladder, exited(), startFailed(true), ...late]) {
        const state = at(phase);
        expect(after(state, { ...event, generation } as LifecycleEvent)).toEqual({ state, effects: [] });
      }
    }
  });

  it('takes no notice of events that mean nothing in its phase', () => {
    const meaningless: [Phase, LifecycleEvent[]][] = [
      ['stopped', [spawned, ready, gone, lost, retry, stable, ladder, startFailed()]],
      ['starting', [ready, gone, lost, retry, stable, ladder]],
      ['handshaking', [spawned, gone, lost, retry, stable, ladder]],
      ['running', [spawned, ready, gone, retry, ladder, startFailed()]],
      ['backoff', [spawned, ready, gone, lost, stable, ladder, startFailed()]],
      ['failed', [spawned, ready, gone, lost, retry, stable, ladder, startFailed()]],
    ];
    for (const [phase, events] of meaningless) {
      const always = phase === 'running' ? [drained, recovered] : [drained, degraded, recovered];
      for (const event of [...events, ...always]) {
        expect(after(at(phase), event)).toEqual({ state: at(phase), effects: [] });
      }
    }
  });
});

describe('failures', () => {
  const downs: [Phase, LifecycleEvent][] = [
    ['starting', startFailed()],
    ['starting', exited()],
    ['handshaking', startFailed()],
    ['handshaking', exited()],
    ['running', exited()],
    ['running', lost],
  ];

  it.each(downs)('F1: comes down and waits for another try when %s and told %j', (phase, event) => {
    const { state, effects } = after(at(phase), event);
    expect(state).toMatchObject({ phase: 'stopping', next: 'backoff', failures: 1, lastError: PROBLEM });
    expect(effects).toContainEqual({ type: 'close-input', generation: 7 });
    expect(after(state, gone).state).toMatchObject({ phase: 'backoff', lastError: PROBLEM });
  });

  it('F1: waits 1, 2, 4 ... 60 seconds, of which the jitter leaves 50 to 100 %', () => {
    const delays = (random: number) =>
      [1, 2, 3, 4, 5, 6, 7, 8, 50].map((failures) => {
        const { state, effects } = after(at('stopping', { next: 'backoff', failures }), gone, { random });
        const timer = effects.find((effect) => effect.type === 'set-timer');
        expect(timer).toMatchObject({ name: 'retry', generation: 7 });
        expect(state.retryAt).toBe(1_000 + timer!.delayMs);
        return timer!.delayMs / 1_000;
      });
    expect(delays(0)).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
    expect(delays(1)).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(delays(0.5)[0]).toBe(0.75);
  });

  it('tries again when the time has come, and counts it', () => {
    const { state, effects } = after(
      at('backoff', { failures: 2, restarts: 1, retryAt: 5, lastError: PROBLEM }),
      retry,
    );
    expect(state).toEqual(at('starting', { generation: 8, failures: 2, restarts: 2, lastError: PROBLEM }));
    expect(effects).toEqual([CANCEL, { type: 'spawn', generation: 8 }]);
  });

  it('F1: has failed after the restarts allowed, and says so', () => {
    const last = after(at('handshaking', { failures: 3, restarts: 3 }), exited());
    expect(last.state).toMatchObject({ next: 'failed', failures: 4 });
    expect(last.state.lastError?.message).toBe('The program exited with code 1 (gave up after 3 restarts in a row)');
    expect(after(last.state, gone)).toEqual({
      state: { ...last.state, phase: 'failed', next: 'stopped', rung: 'none' },
      effects: [CANCEL],
    });
    expect(after(at('handshaking', { failures: 2 }), exited()).state).toMatchObject({ next: 'backoff', failures: 3 });
    const none = after(at('running'), exited(), { maxRetries: 0 });
    expect(none.state).toMatchObject({
      next: 'failed',
      lastError: { message: expect.stringContaining('no restart is allowed') },
    });
  });

  it('F4: forgets failures after a stable time, so that the next wait is the first again', () => {
    const state = follow(at('running', { failures: 3 }), [stable, exited()]);
    expect(state).toMatchObject({ next: 'backoff', failures: 1 });
    const { effects } = after(state, gone, { random: 1 });
    expect(effects).toContainEqual({ type: 'set-timer', name: 'retry', generation: 7, delayMs: 1_000 });
    expect(follow(at('running', { failures: 3 }), [exited()])).toMatchObject({ next: 'failed' });
  });

  it('F41: opens what a remote has ended anew at once, but only the first time within a stable minute', () => {
    const first = after(at('running'), lostAgain);
    expect(first.state).toMatchObject({ phase: 'stopping', next: 'starting', failures: 1, restarts: 0 });
    expect(after(first.state, gone).state).toMatchObject({ phase: 'starting', generation: 8 });
    expect(after(at('running', { failures: 1 }), lostAgain).state).toMatchObject({ next: 'backoff', failures: 2 });
    expect(follow(at('running', { failures: 1 }), [stable, lostAgain])).toMatchObject({ next: 'starting' });
    expect(after(at('running'), lostAgain, { restartPolicy: 'never' }).state.next).toBe('failed');
    expect(after(at('running', { failures: 1 }), lostAgain, { maxRetries: 1 }).state.next).toBe('failed');
  });

  it('F2: is stopped, and the start has failed, after an exit with code 0 before it was ready under on-failure', () => {
    for (const phase of STARTING) {
      const { state } = after(at(phase, { failures: 1 }), exited(0), { restartPolicy: 'on-failure' });
      expect(state).toMatchObject({ next: 'stopped', settled: true, failures: 1, lastError: PROBLEM });
      expect(after(state, gone).state).toMatchObject({ phase: 'stopped', settled: true, lastError: PROBLEM });
      expect(after(at(phase), exited(0)).state).toMatchObject({ next: 'backoff', settled: false });
      expect(after(at(phase), exited(1), { restartPolicy: 'on-failure' }).state.next).toBe('backoff');
    }
  });

  it('is settled after an end that its policy wants, and no more after any command', () => {
    const ended = after(at('running'), exited(0), { restartPolicy: 'on-failure' }).state;
    expect(ended).toMatchObject({ next: 'stopped', settled: true });
    for (const type of ['start', 'stop', 'restart'] as const) {
      expect(after(ended, { type }).state.settled).toBe(false);
    }
    const settled = after(ended, gone).state;
    expect(settled).toMatchObject({ phase: 'stopped', settled: true });
    expect(after(settled, { type: 'start' }).state).toMatchObject({ phase: 'starting', settled: false });
    expect(follow(at('running'), [{ type: 'stop' }, drained, gone])).toMatchObject({
      phase: 'stopped',
      settled: false,
    });
  });

  it('F25: fails without a retry when another try cannot help', () => {
    for (const phase of ['starting', 'handshaking'] as const) {
      const { state } = after(at(phase), startFailed(true));
      expect(state).toMatchObject({ phase: 'stopping', next: 'failed', failures: 0, lastError: PROBLEM });
      expect(after(state, gone).state.phase).toBe('failed');
    }
  });

  it('starts anew at once, uncounted, after an exit that tells nothing bad', () => {
    const { state } = after(at('handshaking', { failures: 1 }), exited(1, true));
    expect(state).toMatchObject({ phase: 'stopping', next: 'starting', failures: 1, lastError: null });
    expect(after(state, gone).state).toMatchObject({ phase: 'starting', generation: 8, failures: 1, restarts: 0 });
  });

  it('F2, F24: restarts an exit from running as the policy says, and keeps what it was', () => {
    const ends = (restartPolicy: LifecycleRules['restartPolicy'], code: number) => {
      const { state } = after(at('running'), exited(code), { restartPolicy });
      expect(state.lastExit).toMatchObject({ code });
      return state.next;
    };
    expect([ends('always', 0), ends('always', 1)]).toEqual(['backoff', 'backoff']);
    expect([ends('on-failure', 0), ends('on-failure', 1)]).toEqual(['stopped', 'backoff']);
    expect([ends('never', 0), ends('never', 1)]).toEqual(['stopped', 'stopped']);
  });

  it('has failed, not stopped, when a start fails under the policy never', () => {
    for (const event of [startFailed(), exited(0)]) {
      const { state } = after(at('handshaking'), event, { restartPolicy: 'never' });
      expect(state).toMatchObject({ next: 'failed', lastError: PROBLEM });
    }
    expect(after(at('running'), lost, { restartPolicy: 'never' }).state.next).toBe('failed');
  });
});

describe('the stop ladder', () => {
  it('F31: is done within the 15 s that calls and children have when MCPS.ONE itself stops, wherever it stood before', () => {
    const sumOf = (rungs: LifecycleRules['ladder']) =>
      rungs.drainMs + rungs.closeInputMs + rungs.terminateMs + rungs.killMs;
    const { drainMs: _drainMs, ...later } = SHUTDOWN_TIMES.ladder;
    const { ladder: usual } = DEFAULT_TIMES;
    // The rung it is on keeps its usual time, all further ones have the short.
    const longest = Math.max(
      sumOf(SHUTDOWN_TIMES.ladder),
      usual.closeInputMs + later.terminateMs + later.killMs,
      usual.terminateMs + later.killMs,
      usual.killMs,
    );
    expect(longest).toBeLessThan(15_000);
  });

  it('F8: climbs from the end of input over SIGTERM to SIGKILL', () => {
    const terminated = after(at('stopping'), ladder);
    expect(terminated.state.rung).toBe('terminated');
    expect(terminated.effects).toEqual([
      { type: 'signal', generation: 7, signal: 'SIGTERM' },
      { type: 'set-timer', name: 'ladder', generation: 7, delayMs: 5_000 },
    ]);
    const killed = after(terminated.state, ladder);
    expect(killed.state.rung).toBe('killed');
    expect(killed.effects).toEqual([
      { type: 'signal', generation: 7, signal: 'SIGKILL' },
      { type: 'set-timer', name: 'ladder', generation: 7, delayMs: 10_000 },
    ]);
  });

  it('stays stopping when a process survives SIGKILL, deaf to starts, and has failed once that is gone', () => {
    const { state, effects } = after(at('stopping', { rung: 'killed', next: 'starting' }), ladder);
    expect(state).toMatchObject({
      phase: 'stopping',
      rung: 'unkillable',
      lastError: { code: 'unkillable', at: 1_000 },
    });
    expect(effects).toEqual([]);
    const asked = follow(state, [{ type: 'start' }, { type: 'restart' }, ladder]);
    expect(asked).toEqual(state);
    expect(after(asked, gone).state).toMatchObject({ phase: 'failed', lastError: { code: 'unkillable' } });
  });

  it('is stopped once an unkillable process is gone when a stop was wished, before or after', () => {
    const before = after(at('stopping', { rung: 'killed', next: 'stopped' }), ladder).state;
    const afterwards = follow(at('stopping', { rung: 'killed', next: 'backoff' }), [ladder, { type: 'stop' }]);
    for (const state of [before, afterwards]) {
      expect(state.rung).toBe('unkillable');
      expect(after(state, gone).state).toMatchObject({ phase: 'stopped', lastError: { code: 'unkillable' } });
    }
  });
});
