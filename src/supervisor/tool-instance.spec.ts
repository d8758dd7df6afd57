import { ObservedInstance, QUICK_TIMES } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { soon, useVirtualTime } from '../../test/support/virtual-time';
import { Semaphore } from '../common/semaphore';
import { PeerClosedError } from '../mcp/peer.errors';
import { SpawnError } from './process-spawner';
import type { SupervisedTool } from './supervised-tool';
import type { InstanceSurroundings } from './tool-instance';

useVirtualTime();

const never = new Promise<void>(() => undefined);
const used: { instance: ObservedInstance; spawner: FakeSpawner }[] = [];

/** An instance on fake children: the n-th behaves as the n-th behaviour says, all later ones as the last. */
function tooled(
  behaviours: FakeBehaviour[] = [{}],
  given: Partial<SupervisedTool> = {},
  surroundings: Partial<InstanceSurroundings> = {},
) {
  const spawner = new FakeSpawner((index) => behaviours[Math.min(index, behaviours.length - 1)] ?? {});
  const instance = new ObservedInstance(aSupervisedTool(given), spawner, surroundings);
  used.push({ instance, spawner });
  return { instance, spawner };
}

afterEach(async () => {
  for (const { instance, spawner } of used.splice(0)) {
    for (const child of spawner.children) child.exit(0);
    await instance.stop();
    expect(spawner.mostAlive).toBeLessThanOrEqual(1);
  }
});

describe('starting and stopping', () => {
  it('is ready when the handshake is over, and tells since when', async () => {
    let monotonic = 5_000;
    const { instance, spawner } = tooled([{}], {}, { clock: { now: () => 777, monotonic: () => monotonic } });
    expect([instance.startedAt, instance.uptimeMs]).toEqual([null, null]);
    expect(await instance.start()).toBe('ready');
    monotonic += 250;
    expect(instance.phases).toEqual(['starting', 'handshaking', 'running']);
    expect(instance.live?.identity).toMatchObject({ era: 'legacy', serverInfo: { name: 'fake' } });
    expect([instance.startedAt, instance.uptimeMs]).toEqual([777, 250]);
    expect(await instance.start()).toBe('ready');
    expect(spawner.asked).toBe(1);
  });

  it('has one process however often it is started at once', async () => {
    const { instance, spawner } = tooled();
    const outcomes = await Promise.all([instance.start(), instance.start(), instance.start()]);
    expect(outcomes).toEqual(['ready', 'ready', 'ready']);
    expect(spawner.asked).toBe(1);
  });

  it('leaves nothing after a stop: no process, no open pipe, no timer, no session for calls', async () => {
    const { instance, spawner } = tooled();
    const timers = () => jest.getTimerCount();
    const before = timers();
    await instance.start();
    expect(timers()).toBeGreaterThan(before);
    expect(await instance.stop()).toBe(true);
    const { stdin, stdout, stderr } = spawner.last;
    expect(spawner.alive).toEqual([]);
    expect([stdin.destroyed, stdout.destroyed, stderr.destroyed]).toEqual([true, true, true]);
    expect(timers()).toBe(before);
    expect([instance.live, instance.startedAt, instance.uptimeMs]).toEqual([null, null, null]);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopped', lastExit: { code: 0, signal: null } });
    expect(await instance.stop()).toBe(true);
  });

  it('aborts the start when stopped during the handshake', async () => {
    const { instance, spawner } = tooled([{ answers: false }]);
    const started = instance.start();
    await instance.reaches('handshaking');
    expect(await instance.stop()).toBe(true);
    expect(await started).toBe('aborted');
    expect(spawner.alive).toEqual([]);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopped', lastError: null });
  });

  it('kills a process that is born after the stop', async () => {
    let letBirth = (): void => undefined;
    const spawnGate = new Promise<void>((resolve) => (letBirth = resolve));
    const { instance, spawner } = tooled([{ spawnGate, ignoresEof: true, ignoresTerm: true }]);
    const started = instance.start();
    await soon(() => spawner.asked === 1);
    const stopped = instance.stop();
    letBirth();
    expect(await stopped).toBe(true);
    expect(await started).toBe('aborted');
    expect(spawner.last.signals).toEqual(['SIGKILL']);
  });

  it('aborts a start that still waits for its turn, and never spawns it', async () => {
    const starts = new Semaphore(1);
    let endTurn = (): void => undefined;
    void starts.run(() => new Promise<void>((resolve) => (endTurn = resolve)));
    const { instance, spawner } = tooled([{}], {}, { starts });
    const started = instance.start();
    expect(await instance.stop()).toBe(true);
    expect(await started).toBe('aborted');
    const [again, restarted] = [instance.start(), instance.restart()];
    endTurn();
    expect(await Promise.all([again, restarted])).toEqual(['ready', 'ready']);
    expect(spawner.asked).toBe(1);
  });

  it('stays down when its turn comes after the stop', async () => {
    const starts = new Semaphore(1);
    let endTurn = (): void => undefined;
    void starts.run(() => new Promise<void>((resolve) => (endTurn = resolve)));
    const { instance } = tooled([{}], {}, { starts });
    void instance.start();
    await instance.stop();
    endTurn();
    await starts.run(() => Promise.resolve());
    expect(instance.current).toBeNull();
  });

  it('shows nothing of the old process while a new one waits for its turn', async () => {
    const starts = new Semaphore(1);
    const { instance } = tooled([{}], {}, { starts });
    await instance.start();
    let endTurn = (): void => undefined;
    void starts.run(() => new Promise<void>((resolve) => (endTurn = resolve)));
    instance.define(aSupervisedTool({ env: { MODE: 'new' } }));
    const restarted = instance.restart();
    await instance.reaches('starting');
    expect([instance.current, instance.restartRequired]).toEqual([null, false]);
    endTurn();
    expect(await restarted).toBe('ready');
  });

  it('bears to be stopped by whom it tells of its changes', async () => {
    const { instance, spawner } = tooled(
      [{}],
      {},
      {
        onChange: (changed, before) => {
          if (before.phase === 'handshaking' && changed.lifecycle.phase === 'running') void changed.stop();
        },
      },
    );
    expect(await instance.start()).toBe('ready');
    await instance.reaches('stopped');
    expect(spawner.alive).toEqual([]);
  });
});

describe('calls in flight at a stop', () => {
  const SLOW = { ...QUICK_TIMES, ladder: { ...QUICK_TIMES.ladder, drainMs: 60_000 } };
  const call = { method: 'tools/call', timeoutMs: 60_000, client: 'somebody', sessionId: null };

  it.each(['stop', 'restart'] as const)('may end before a %s, while new ones are refused at once', async (command) => {
    const { instance, spawner } = tooled([{}], {}, { times: SLOW });
    await instance.start();
    const { peer } = instance.live!;
    const [child] = spawner.children;
    const answer = peer!.request(call);
    const done = instance[command]();
    expect([instance.live, instance.lifecycle.rung]).toEqual([null, 'draining']);
    await expect(peer!.request(call)).rejects.toMatchObject({
      code: 'tool_not_running',
      message: expect.stringContaining('is stopping'),
    });
    await soon(() => child!.methods.includes('tools/call'));
    expect(child!.isGone()).toBe(false);
    const id = child!.ids.get('tools/call');
    child!.say({ id, result: { content: [] } });
    expect(await answer).toEqual({ content: [] });
    expect(await done).toBe(command === 'stop' ? true : 'ready');
    // The refused one never got there.
    expect(child!.methods.filter((method) => method === 'tools/call')).toHaveLength(1);
    expect(child!.signals).toEqual([]);
  });

  it('have so long and no longer, and fail then', async () => {
    const { instance } = tooled();
    await instance.start();
    const answer = instance.live!.peer!.request(call).catch((error: unknown) => error);
    expect(await instance.stop()).toBe(true);
    expect(await answer).toMatchObject({ code: 'tool_connection_lost' });
  });

  it('hold nothing up when there are none, or none but our own', async () => {
    const { instance } = tooled([{ ignoresPing: true }], {}, { times: SLOW });
    await instance.start();
    void instance.live!.ping(60_000);
    expect(await instance.stop()).toBe(true);
  });

  it('hold nothing up when the child crashes meanwhile, or is condemned', async () => {
    for (const end of ['crash', 'condemn'] as const) {
      const { instance, spawner } = tooled([{}], { maxRetries: 0 }, { times: SLOW });
      await instance.start();
      const answer = instance.live!.peer!.request(call).catch((error: unknown) => error);
      const down = instance.reaches(end === 'crash' ? 'stopped' : 'failed');
      if (end === 'condemn') instance.condemn(1, 'unresponsive', 'It hangs');
      else {
        void instance.stop();
        spawner.last.exit(1);
      }
      await down;
      expect(await answer).toMatchObject({ code: 'tool_connection_lost' });
    }
  });
});

describe('restarting', () => {
  it('F9: has a new process, and the whole old group is gone before it', async () => {
    const { instance, spawner } = tooled([{ ignoresEof: true, leavesMember: true }, {}]);
    await instance.start();
    const { pid } = spawner.last;
    expect(await instance.restart()).toBe('ready');
    expect(spawner.last.pid).not.toBe(pid);
    expect(spawner.children[0]?.signals).toEqual(['SIGTERM']);
    expect(spawner.mostAlive).toBe(1);
  });

  it('uses a changed definition only after a restart, and says that one is required', async () => {
    const { instance, spawner } = tooled();
    await instance.start();
    instance.define(aSupervisedTool({ name: 'renamed', timeoutMs: 1 }));
    expect(instance.restartRequired).toBe(false);
    instance.define(aSupervisedTool({ args: ['changed'] }));
    expect(instance.restartRequired).toBe(true);
    expect(await instance.start()).toBe('ready');
    expect(spawner.last.launch.args).not.toEqual(['changed']);
    expect(await instance.restart()).toBe('ready');
    expect(spawner.last.launch.args).toEqual(['changed']);
    expect(instance.restartRequired).toBe(false);
  });

  it('F27: ends the start of the old definition before the new one begins', async () => {
    const { instance, spawner } = tooled([{ answers: false }, {}]);
    const first = instance.start();
    await instance.reaches('handshaking');
    instance.define(aSupervisedTool({ args: ['changed'] }));
    expect(await instance.restart()).toBe('ready');
    expect(await first).toBe('ready');
    expect(spawner.children.map((child) => child.launch.args.at(-1) === 'changed')).toEqual([false, true]);
  });

  it('is aborted by a stop that comes after it', async () => {
    const { instance, spawner } = tooled();
    await instance.start();
    const restarted = instance.restart();
    expect(await instance.stop()).toBe(true);
    expect(await restarted).toBe('aborted');
    expect(spawner.asked).toBe(1);
  });
});

describe('a crash', () => {
  it('F3: fails the calls in flight at once with the true reason, then starts it again', async () => {
    const { instance, spawner } = tooled();
    await instance.start();
    const call = { method: 'tools/call', timeoutMs: 10_000, client: null, sessionId: null };
    const answer = instance.live!.peer!.request(call).catch((error: unknown) => error);
    const began = performance.now();
    spawner.last.exit(null, 'SIGSEGV');
    const error = await answer;
    expect(performance.now() - began).toBeLessThan(10);
    expect(error).toBeInstanceOf(PeerClosedError);
    expect(error).toMatchObject({ end: { code: 'process_exited', message: 'the program was ended by SIGSEGV' } });
    await soon(() => instance.lifecycle.restarts === 1 && instance.live);
    expect(instance.phases.slice(3)).toEqual(['stopping', 'backoff', 'starting', 'handshaking', 'running']);
    // What was in flight is not sent again: nobody knows how far it had come.
    expect(spawner.children.map(({ methods }) => methods.includes('tools/call'))).toEqual([true, false]);
    expect(instance.lifecycle).toMatchObject({ lastError: null, lastExit: { code: null, signal: 'SIGSEGV' } });
  });

  it('F1: answers the first failed attempt and goes on by itself until it has failed', async () => {
    const { instance, spawner } = tooled([{ exitAtOnce: 1, stderr: 'no such file' }], { maxRetries: 2 });
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle.phase).toBe('backoff');
    expect(instance.lifecycle.retryAt).not.toBeNull();
    await instance.reaches('failed');
    expect(instance.lifecycle).toMatchObject({
      failures: 3,
      restarts: 2,
      lastError: { code: 'exited_before_handshake' },
    });
    expect(instance.lifecycle.lastError?.message).toMatch(
      /exited with code 1 .*no such file.*gave up after 2 restarts/s,
    );
    const before = spawner.asked;
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle).toMatchObject({ failures: 1, restarts: 0 });
    expect(spawner.asked).toBeGreaterThan(before);
  });

  it('F2: with code 0 before it is ready is a failed start and no reason to try again, but under always', async () => {
    const under = async (restartPolicy: SupervisedTool['restartPolicy']) => {
      const { instance, spawner } = tooled([{ exitAtOnce: 0 }], { restartPolicy, maxRetries: 1 });
      const outcome = await instance.start();
      await instance.reaches(restartPolicy === 'on-failure' ? 'stopped' : 'failed');
      const { settled, lastError } = instance.lifecycle;
      return { outcome, settled, code: lastError?.code, asked: spawner.asked };
    };
    const code = 'exited_before_handshake';
    // Each is asked once more without the probe before anything is held against it.
    expect(await under('on-failure')).toEqual({ outcome: 'failed', settled: true, code, asked: 2 });
    expect(await under('always')).toEqual({ outcome: 'failed', settled: false, code, asked: 4 });
    expect(await under('never')).toEqual({ outcome: 'failed', settled: false, code, asked: 2 });
  });

  it('counts anew when somebody starts it during a retry of its own', async () => {
    const { instance, spawner } = tooled([{ refuses: { code: -1, message: 'no' } }, { answers: false }], {
      startTimeoutMs: 200,
    });
    expect(await instance.start()).toBe('failed');
    await instance.reaches('handshaking');
    expect(instance.lifecycle).toMatchObject({ failures: 1, restarts: 1 });
    const joined = instance.start();
    expect(instance.lifecycle).toMatchObject({ failures: 0, restarts: 0, lastError: null });
    expect(await joined).toBe('failed');
    expect([instance.lifecycle.failures, spawner.asked]).toEqual([1, 2]);
  });

  it('is cancelled while it waits for the next try by a stop', async () => {
    const { instance, spawner } = tooled([{ spawnError: new SpawnError('spawn_failed', 'EAGAIN', false) }]);
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle.phase).toBe('backoff');
    const { asked } = spawner;
    expect(await instance.stop()).toBe(true);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopped', retryAt: null });
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // longer than any backoff: nothing tells that nothing comes
    expect(spawner.asked).toBe(asked);
  });
});

describe('at most so many starts at once', () => {
  it('F29: lets the others wait, and one that hangs not hold them up for ever', async () => {
    const starts = new Semaphore(2);
    const hanging = [0, 1].map(() =>
      tooled([{ spawnGate: never }], { startTimeoutMs: 60_000 }, { starts, slotMs: 100 }),
    );
    const waiting = tooled([{}], {}, { starts, slotMs: 100 });
    for (const { instance } of hanging) void instance.start();
    const ready = waiting.instance.start();
    await soon(() => hanging.every(({ spawner }) => spawner.asked === 1));
    expect(waiting.spawner.asked).toBe(0);
    expect(await ready).toBe('ready');
    for (const { instance } of hanging) expect(await instance.stop()).toBe(false);
    used.splice(0, 2);
  });
});
