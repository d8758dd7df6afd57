import { Logger } from '@nestjs/common';
import { FakeClock } from '../../test/support/fake-clock';
import { SHUTDOWN_PHASES, ShutdownCoordinator, type ShutdownPhase } from './shutdown-coordinator';

describe('the shutdown', () => {
  let coordinator: ShutdownCoordinator;
  let order: string[];
  beforeAll(() => Logger.overrideLogger(false));
  const warnings = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const errors = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);

  beforeEach(() => {
    jest.useFakeTimers();
    jest.clearAllMocks();
    coordinator = new ShutdownCoordinator(new FakeClock());
    order = [];
  });
  afterEach(() => jest.useRealTimers());
  afterAll(() => jest.restoreAllMocks());

  const step = (name: string, phase: ShutdownPhase, run: () => void | Promise<void> = () => undefined) =>
    coordinator.register({
      name,
      phase,
      run: async () => {
        order.push(name);
        await run();
      },
    });

  it('takes the phases one after the other, in whatever order their steps were registered', async () => {
    for (const phase of [...SHUTDOWN_PHASES].reverse()) step(phase, phase);
    await coordinator.beforeApplicationShutdown();
    expect(order).toEqual(['refuse', 'drain', 'children', 'farewell']);
    await coordinator.onApplicationShutdown();
    expect(order).toEqual([...SHUTDOWN_PHASES]);
  });

  it('begins before its first step, and from then on refuses', async () => {
    expect(coordinator.isShuttingDown).toBe(false);
    expect(() => coordinator.assertRunning()).not.toThrow();
    step('look', 'refuse', () => expect(coordinator.isShuttingDown).toBe(true));
    await coordinator.beforeApplicationShutdown();
    expect(errors).not.toHaveBeenCalled();
    expect(() => coordinator.assertRunning()).toThrow(expect.objectContaining({ code: 'shutting_down' }));
  });

  it('waits for all steps of a phase before the next one', async () => {
    let drained: () => void = () => undefined;
    step('slow', 'drain', () => new Promise((resolve) => (drained = resolve)));
    step('quick', 'drain');
    step('children', 'children');
    const down = coordinator.beforeApplicationShutdown();
    await jest.advanceTimersByTimeAsync(100);
    expect(order).toEqual(['slow', 'quick']);
    drained();
    await down;
    expect(order).toEqual(['slow', 'quick', 'children']);
  });

  it('goes on without a step that takes too long or fails, and tells which', async () => {
    step('forever', 'drain', () => new Promise(() => undefined));
    coordinator.register({
      name: 'at once',
      phase: 'drain',
      run: () => {
        throw new Error('boom');
      },
    });
    step('children', 'children');
    const down = coordinator.beforeApplicationShutdown();
    await jest.advanceTimersByTimeAsync(5_000);
    await down;
    expect(order).toEqual(['forever', 'children']);
    expect(warnings.mock.calls).toEqual([
      [expect.stringContaining('too long'), expect.objectContaining({ name: 'forever' })],
    ]);
    expect(errors.mock.calls[0]).toContainEqual({ name: 'at once', reason: 'boom' });
  });

  it('takes less than 25 s in all, whatever hangs, with the 2 s of the HTTP server', async () => {
    for (const phase of SHUTDOWN_PHASES) step(phase, phase, () => new Promise(() => undefined));
    const down = coordinator.beforeApplicationShutdown().then(() => coordinator.onApplicationShutdown());
    const ended = jest.fn();
    void down.then(ended);
    await jest.advanceTimersByTimeAsync(23_000);
    expect(ended).toHaveBeenCalled();
  });
});
