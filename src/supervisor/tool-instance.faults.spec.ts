/** What nobody foresaw in the life of one tool: a line in the log and a state of that tool, and never the end of the program. */
import { aSupervisedTool } from '../../test/support/a-supervised-tool';
import { ObservedInstance, QUICK_TIMES } from '../../test/support/an-instance';
import { FakeSpawner } from '../../test/support/fake-spawner';
import { useVirtualTime } from '../../test/support/virtual-time';
import type { SupervisedTool } from './supervised-tool';
import type { InstanceSurroundings } from './tool-instance';

useVirtualTime();

const used: ObservedInstance[] = [];
const unheard: unknown[] = [];
const note = (reason: unknown) => void unheard.push(reason);

function tooled(given: Partial<SupervisedTool> = {}, surroundings: Partial<InstanceSurroundings> = {}) {
  const spawner = new FakeSpawner(() => ({}));
  const faults: [what: string, error: unknown][] = [];
  const instance = new ObservedInstance(aSupervisedTool(given), spawner, {
    times: { ...QUICK_TIMES, backoff: { firstMs: 60_000, maxMs: 60_000 } },
    onFault: (_tool, what, error) => void faults.push([what, error]),
    ...surroundings,
  });
  used.push(instance);
  return { instance, spawner, faults };
}

beforeAll(() => process.on('unhandledRejection', note));
afterAll(() => process.off('unhandledRejection', note));
afterEach(async () => {
  await Promise.all(used.splice(0).map((instance) => instance.stop()));
  await new Promise((resolve) => setImmediate(resolve));
  expect(unheard.splice(0)).toEqual([]);
});

describe('an error that nobody foresaw', () => {
  const boom = new Error('boom');
  const rejects = () => Promise.reject(boom);

  it('fails a start in which it comes, and the tool can be started again', async () => {
    const { instance, faults } = tooled({ env: null as unknown as Record<string, string> });
    expect(await instance.start()).toBe('failed');
    expect(instance.lifecycle).toMatchObject({
      phase: 'backoff',
      lastError: { code: 'start_failed', message: 'An unexpected error; see the system log' },
    });
    expect(faults).toEqual([[expect.stringContaining('could not be started'), expect.any(TypeError)]]);
    instance.define(aSupervisedTool());
    expect(await instance.start()).toBe('ready');
  });

  it('holds up no stop: what fails while a tool is taken down is told, and the tool has stopped', async () => {
    const { instance, spawner, faults } = tooled();
    await instance.start();
    const session = instance.newest;
    if (!session?.peer) throw new Error('a tool that is ready has a peer');
    session.peer.drain = rejects;
    session.peer.close = () => {
      spawner.last.stdin.end();
      return rejects();
    };
    spawner.last.release = rejects;
    expect(await instance.stop()).toBe(true);
    expect(instance.lifecycle.phase).toBe('stopped');
    expect(faults.map(([, error]) => error)).toEqual([boom, boom, boom]);
  });

  it('hides no exit that it makes unexplainable', async () => {
    const { instance, spawner, faults } = tooled();
    await instance.start();
    instance.stderr.since = () => {
      throw boom;
    };
    spawner.last.exit(7);
    await instance.reaches('backoff');
    expect(instance.lifecycle).toMatchObject({ lastError: { code: 'exited' }, lastExit: { code: 7 } });
    expect(faults).toEqual([['The end of a program could not be explained', boom]]);
  });

  it('of those who watch a tool changes nothing for the tool', async () => {
    const onChange = () => {
      throw boom;
    };
    const { instance, faults } = tooled({}, { onChange });
    expect(await instance.start()).toBe('ready');
    expect(await instance.stop()).toBe(true);
    expect(new Set(faults.map(([, error]) => error))).toEqual(new Set([boom]));
  });
});
