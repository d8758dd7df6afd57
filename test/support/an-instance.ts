import { SystemClock } from '../../src/common/clock';
import { Semaphore } from '../../src/common/semaphore';
import type { ProcessSpawner } from '../../src/supervisor/process-spawner';
import type { SupervisedTool } from '../../src/supervisor/supervised-tool';
import { type InstanceSurroundings, ToolInstance } from '../../src/supervisor/tool-instance';
import type { LifecycleState, LifecycleTimes, Phase } from '../../src/supervisor/tool-lifecycle';

/** The times of the house, made short: what takes seconds there takes moments here. */
export const QUICK_TIMES: LifecycleTimes = {
  backoff: { firstMs: 20, maxMs: 80 },
  stableMs: 60_000,
  ladder: { drainMs: 60, closeInputMs: 60, terminateMs: 60, killMs: 150 },
};

/** An instance with the phases it went through. */
export class ObservedInstance extends ToolInstance {
  readonly phases: Phase[] = [];
  private arrivals: { phase: Phase; tell: () => void }[] = [];

  constructor(tool: SupervisedTool, spawner: ProcessSpawner, given: Partial<InstanceSurroundings> = {}) {
    super(tool, {
      spawner,
      sink: { record: () => undefined },
      clientInfo: { name: 'mcps-one', version: '1.0.0' },
      environment: { PATH: process.env.PATH },
      passthrough: [],
      maxMessageBytes: 1024 * 1024,
      marker: `spec:${process.pid}`,
      clock: new SystemClock(),
      starts: new Semaphore(4),
      times: QUICK_TIMES,
      slotMs: 5_000,
      ...given,
      onChange: (instance, before) => {
        this.note(instance.lifecycle, before);
        given.onChange?.(instance, before);
      },
    });
  }

  /** Resolves when it is in that phase, at once if it is already. */
  reaches(phase: Phase): Promise<void> {
    if (this.lifecycle.phase === phase) return Promise.resolve();
    return new Promise((tell) => this.arrivals.push({ phase, tell }));
  }

  private note(now: LifecycleState, before: LifecycleState): void {
    if (now.phase === before.phase) return;
    this.phases.push(now.phase);
    const arrived = this.arrivals.filter(({ phase }) => phase === now.phase);
    this.arrivals = this.arrivals.filter((arrival) => !arrived.includes(arrival));
    for (const { tell } of arrived) tell();
  }
}
