import { createServer } from 'node:net';
import { once } from 'node:events';
import { ObservedInstance, QUICK_TIMES } from '../../test/support/an-instance';
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { type FakeBehaviour, FakeSpawner } from '../../test/support/fake-spawner';
import { soon, useVirtualTime } from '../../test/support/virtual-time';
import { SpawnError } from './process-spawner';
import type { SupervisedTool } from './supervised-tool';
import type { InstanceSurroundings } from './tool-instance';
import type { LifecycleTimes } from './tool-lifecycle';

useVirtualTime();

const UNSUPPORTED = -32022;
const PATIENT: LifecycleTimes = { ...QUICK_TIMES, backoff: { firstMs: 60_000, maxMs: 60_000 } };
const used: ObservedInstance[] = [];

/** The n-th child behaves as the n-th behaviour says, all later ones as the last; the first failure is the last try. */
function tooled(
  behaviours: FakeBehaviour[],
  given: Partial<SupervisedTool> = {},
  surroundings: Partial<InstanceSurroundings> = {},
) {
  const spawner = new FakeSpawner((index) => behaviours[Math.min(index, behaviours.length - 1)] ?? {});
  const instance = new ObservedInstance(aSupervisedTool(given), spawner, { times: PATIENT, ...surroundings });
  used.push(instance);
  return { instance, spawner };
}

afterEach(async () => {
  await Promise.all(used.splice(0).map((instance) => instance.stop()));
});

describe('which questions a server is asked first', () => {
  it('F7: starts a server that exits on the probe once more without it, uncounted, and remembers that', async () => {
    const { instance, spawner } = tooled([{ exitsOnDiscover: true }]);
    expect(await instance.start()).toBe('ready');
    // What is sent in one turn of the event loop is written at its end.
    await new Promise((resolve) => setImmediate(resolve));
    const asked = () => spawner.children.map((child) => child.methods.slice(0, 2));
    const straight = ['initialize', 'notifications/initialized'];
    expect(asked()).toEqual([['server/discover'], straight]);
    expect(instance.lifecycle).toMatchObject({ failures: 0, restarts: 0, lastError: null });
    await instance.restart();
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked().slice(1)).toEqual([straight, straight]);
  });

  it('asks without the probe at the second start, and with it when the definition has changed or a day has passed', async () => {
    const clock = { now: () => Date.now() + passedMs, monotonic: () => performance.now() };
    let passedMs = 0;
    const { instance, spawner } = tooled([{}], {}, { clock });
    const firstAsked = async () => {
      await instance.restart();
      return spawner.last.methods[0];
    };
    expect(await firstAsked()).toBe('server/discover');
    expect(await firstAsked()).toBe('initialize');
    instance.define(aSupervisedTool({ env: { MODE: 'new' } }));
    expect(await firstAsked()).toBe('server/discover');
    passedMs = 25 * 3600_000;
    expect(await firstAsked()).toBe('server/discover');
  });

  it('learns nothing about a new definition from a start of the old one that ends after the change', async () => {
    const { instance, spawner } = tooled([{}]);
    const started = instance.start();
    await instance.reaches('handshaking');
    instance.define(aSupervisedTool({ env: { MODE: 'new' } }));
    expect(instance.lifecycle.phase).toBe('handshaking');
    expect(await started).toBe('ready');
    await instance.restart();
    expect(spawner.last.methods[0]).toBe('server/discover');
  });

  it('asks anew, and tries again, when what it remembers is no longer true', async () => {
    const updated = { refuses: { code: UNSUPPORTED, message: 'only 2026-07-28' } };
    const { instance, spawner } = tooled([{}, updated, {}], {}, { times: QUICK_TIMES });
    await instance.start();
    expect(await instance.restart()).toBe('failed');
    expect(instance.lifecycle).toMatchObject({ phase: 'backoff', lastError: { code: 'protocol_mismatch' } });
    await instance.reaches('running');
    expect(spawner.last.methods[0]).toBe('server/discover');
  });

  it('keeps what it remembers when a start is aborted', async () => {
    const { instance, spawner } = tooled([{}, { answers: false }, {}]);
    await instance.start();
    const restarted = instance.restart();
    await soon(() => spawner.children[1]?.methods.length === 1);
    await instance.stop();
    expect(await restarted).toBe('aborted');
    await instance.start();
    expect(spawner.children.slice(1).map((child) => child.methods[0])).toEqual(['initialize', 'initialize']);
  });
});

describe('why a start failed', () => {
  it('F6: has failed for good when there is no revision in common', async () => {
    const { instance, spawner } = tooled([{ refuses: { code: UNSUPPORTED, message: 'no' } }]);
    expect(await instance.start()).toBe('failed');
    await instance.reaches('failed');
    expect(instance.lifecycle).toMatchObject({ failures: 0, lastError: { code: 'protocol_mismatch' } });
    expect(spawner.alive).toEqual([]);
  });

  it('F6: tells the refusal of a server rather than its exit, its secrets masked', async () => {
    const refuses = { code: -32603, message: 'The key sk-12345678 is no good', exits: true };
    const { instance } = tooled([{ refuses }], { env: { API_KEY: 'sk-12345678' } });
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle.lastError).toMatchObject({
      code: 'handshake_refused',
      message: expect.stringContaining('The key *** is no good'),
    });
    expect(instance.lifecycle.lastExit).toMatchObject({ code: 1 });
  });

  it('quotes only the words of the child that failed, its secrets masked line by line', async () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----';
    const { instance } = tooled([{ stderr: 'all is well' }, { exitAtOnce: 3, stderr: `bad ${key} here` }], {
      env: { KEY: key },
    });
    await instance.start();
    expect(await instance.restart()).toBe('failed');
    const message =
      'The program exited with code 3 before it was ready. Its last words on stderr:\nbad ***\n***\n*** here';
    expect(instance.lifecycle.lastError).toMatchObject({ code: 'exited_before_handshake', message });
    expect(instance.stderr.tail().map(({ line }) => line)).toContain('all is well');
  });

  it('F5: gives up on silence after the start timeout', async () => {
    const { instance, spawner } = tooled([{ answers: false }], { startTimeoutMs: 120 });
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle).toMatchObject({ phase: 'backoff', lastError: { code: 'handshake_timeout' } });
    expect(spawner.last.methods).toEqual(['server/discover', 'initialize']);
    expect(spawner.alive).toEqual([]);
  });

  it('F21: tells a connection that was lost while the program stays, and starts it anew', async () => {
    const { instance, spawner } = tooled([{ ignoresEof: true }]);
    await instance.start();
    spawner.last.stdout.end();
    await instance.reaches('backoff');
    expect(instance.lifecycle.lastError).toMatchObject({ code: 'connection_lost' });
    expect(spawner.alive).toEqual([]);
  });

  it('F42: names the silence of a remote that never opens its stream', async () => {
    const server = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : null;
    const remote = { transport: 'sse', url: `http://127.0.0.1:${port}/sse`, command: null, args: [] } as const;
    const { instance } = tooled([], { ...remote, args: [], startTimeoutMs: 150 });
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle.lastError).toMatchObject({ code: 'remote_timeout' });
    await instance.stop();
    server.close();
  });

  it('answers a start although the system never does, and a stop too', async () => {
    const { instance, spawner } = tooled([{ spawnGate: new Promise(() => undefined) }], { startTimeoutMs: 1_000 });
    expect(await instance.start()).toBe('failed');
    expect(spawner.asked).toBe(1);
    expect(await instance.stop()).toBe(false);
  });

  it.each(['command_not_found', 'spawn_failed'])('F25: shows %s of the spawner as it is', async (code) => {
    const spawnError = new SpawnError(code, 'It could not be', code === 'command_not_found');
    const { instance } = tooled([{ spawnError }]);
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle).toMatchObject({
      phase: code === 'command_not_found' ? 'failed' : 'backoff',
      lastError: { code, message: 'It could not be' },
    });
  });
});

describe('F32: a suspension of MCPS.ONE itself', () => {
  /** A clock that says afterwards that so much time has passed at once. */
  function jumping() {
    let jumpedMs = 0;
    const clock = { now: () => Date.now(), monotonic: () => performance.now() + jumpedMs };
    return { clock, jump: (ms: number) => (jumpedMs += ms) };
  }

  it('gives a child the time of its rung once more', async () => {
    const { clock, jump } = jumping();
    const times = { ...QUICK_TIMES, ladder: { ...QUICK_TIMES.ladder, terminateMs: 150, killMs: 5_000 } };
    const { instance, spawner } = tooled([{ ignoresEof: true, ignoresTerm: true }], {}, { clock, times });
    await instance.start();
    const stopped = instance.stop();
    await soon(() => spawner.last.signals.length === 1);
    const began = performance.now();
    jump(60_000);
    expect(await stopped).toBe(true);
    expect(spawner.last.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(performance.now() - began).toBeGreaterThanOrEqual(280);
  });

  it('does not call a process unkillable that is only seen late to be gone', async () => {
    const { clock, jump } = jumping();
    const behaviour = { ignoresEof: true, ignoresTerm: true, ignoresKill: true };
    const { instance, spawner } = tooled([behaviour], {}, { clock, times: QUICK_TIMES });
    await instance.start();
    const stopped = instance.stop();
    await soon(() => spawner.last.signals.length === 2);
    jump(60_000);
    setTimeout(() => spawner.last.exit(null, 'SIGKILL'), 200); // after the rung would have been over, in its second time
    expect(await stopped).toBe(true);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopped', lastError: null });
  });
});

describe('F20: a program that does not read its input', () => {
  it('is given up with that reason, its calls fail, and another one comes', async () => {
    const given = { times: QUICK_TIMES, stdinStuckMs: 80 };
    const { instance, spawner } = tooled([{}, {}], {}, given);
    await instance.start();
    const [child] = spawner.children;
    // The pipe takes nothing more, from here on.
    child!.stdin._transform = () => undefined;
    const call = { method: 'tools/call', timeoutMs: 60_000, client: null, sessionId: null };
    const answers = Array.from({ length: 3 }, () =>
      instance.live!.peer!.request(call).catch((error: unknown) => error),
    );
    for (const answer of answers) {
      expect(await answer).toMatchObject({ code: 'tool_connection_lost', extra: { reason: 'stdin_stuck' } });
    }
    await instance.reaches('backoff');
    expect(instance.lifecycle.lastError).toMatchObject({
      code: 'stdin_stuck',
      hint: expect.stringContaining('stderr'),
    });
    await instance.reaches('running');
    expect(spawner.children[1]!.methods).not.toContain('tools/call');
  });
});

describe('a process that cannot be killed', () => {
  it('is told to whoever stops, starts or restarts, and is not doubled', async () => {
    const { instance, spawner } = tooled([{ ignoresEof: true, ignoresTerm: true, ignoresKill: true }, {}]);
    await instance.start();
    const restarted = instance.restart();
    expect(await restarted).toBe('failed');
    expect(spawner.last.signals).toEqual(['SIGTERM', 'SIGKILL']);
    expect(instance.lifecycle).toMatchObject({ phase: 'stopping', lastError: { code: 'unkillable' } });
    expect(await Promise.all([instance.start(), instance.restart()])).toEqual(['failed', 'failed']);
    expect(await instance.stop()).toBe(false);
    expect(spawner.asked).toBe(1);
    spawner.last.exit(null, 'SIGKILL');
    await instance.reaches('stopped');
    expect(await instance.start()).toBe('ready');
  });
});
