import { Logger } from '@nestjs/common';
import type { GroupUsageReader } from './group-usage';
import { ResourceSampler } from './resource-sampler';
import type { LiveProcess, SupervisorService } from './supervisor.service';

const MIB = 1_048_576;

/** A house with one tool; `memory` is what the next samples find. */
class House {
  generation = 1;
  isReady = true;
  memoryLimitBytes: number | null = 100 * MIB;
  memory = 0;
  isBroken = false;
  readonly condemned: unknown[][] = [];
  readonly sampled: number[][] = [];
  readonly sampler: ResourceSampler;

  constructor() {
    const { generation, memoryLimitBytes } = this;
    const process: LiveProcess = { toolId: 't', name: 'leaky', generation, pgid: 7, memoryLimitBytes };
    const supervisor = {
      liveProcesses: () => [
        { ...process, generation: this.generation, memoryLimitBytes: this.memoryLimitBytes },
        { ...process, toolId: 'u', pgid: 8, memoryLimitBytes: null },
      ],
      session: () => (this.isReady ? { generation: this.generation } : null),
      condemn: (...args: unknown[]) => void this.condemned.push(args),
    } as unknown as SupervisorService;
    const usage = {
      sample: (pgids: number[]) => {
        if (this.isBroken) return Promise.reject(new Error('no /proc'));
        this.sampled.push(pgids);
        return Promise.resolve();
      },
      read: () => ({ cpuPercent: 1, memoryBytes: this.memory, processes: 1 }),
    } as unknown as GroupUsageReader;
    this.sampler = new ResourceSampler(supervisor, usage, { intervalMs: 5_000, samplesOverLimit: 3 });
  }

  async finds(...mebibytes: number[]): Promise<void> {
    for (const size of mebibytes) {
      this.memory = size * MIB;
      await this.sampler.sample();
    }
  }
}

describe('the limit of memory', () => {
  let house: House;
  beforeEach(() => {
    house = new House();
  });
  beforeAll(() => Logger.overrideLogger(false));

  it('ends a life that is over it three times in a row, and says by how much', async () => {
    const warned = jest.spyOn(Logger.prototype, 'warn');
    await house.finds(101, 120);
    expect(house.condemned).toEqual([]);
    await house.finds(150.5);
    const message = 'Its processes use 150.5 MiB, and its limit is 100 MiB';
    expect(house.condemned).toEqual([['t', 1, 'memory_limit', message]]);
    expect(house.sampler.counters).toEqual({ overMemoryLimit: 1 });
    expect(warned).toHaveBeenCalledWith('A tool is over its memory limit', {
      tool: 'leaky',
      generation: 1,
      memoryBytes: 150.5 * MIB,
      memoryLimitBytes: 100 * MIB,
    });
    warned.mockRestore();
  });

  it('lets peaks pass, and what is just at it', async () => {
    await house.finds(150, 150, 99, 150, 150, 100, 100, 100, 100);
    expect(house.condemned).toEqual([]);
  });

  it('begins to count anew with each life', async () => {
    await house.finds(150, 150);
    house.generation = 2;
    await house.finds(150, 150);
    expect(house.condemned).toEqual([]);
    await house.finds(150);
    expect(house.condemned).toHaveLength(1);
  });

  it('does not judge what is not ready, or has no limit', async () => {
    house.isReady = false;
    await house.finds(150, 150, 150, 150);
    house.isReady = true;
    house.memoryLimitBytes = null;
    await house.finds(150, 150, 150, 150);
    expect(house.condemned).toEqual([]);
  });
});

describe('the sampler', () => {
  it('samples all groups and tells those who listen, also after a failure', async () => {
    const errors = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    const house = new House();
    let told = 0;
    house.sampler.onSample(() => told++);
    await house.finds(1);
    house.isBroken = true;
    await house.finds(1);
    house.isBroken = false;
    await house.finds(1);
    expect([told, house.sampled]).toEqual([
      2,
      [
        [7, 8],
        [7, 8],
      ],
    ]);
    expect(errors).toHaveBeenCalledTimes(1);
    errors.mockRestore();
  });

  it('goes on by itself until the shutdown, and keeps no process alive', async () => {
    jest.useFakeTimers();
    try {
      const house = new House();
      house.sampler.onApplicationBootstrap();
      await jest.advanceTimersByTimeAsync(5_000);
      expect(house.sampled.length).toBe(1);
      await jest.advanceTimersByTimeAsync(20_000);
      expect(house.sampled.length).toBeGreaterThanOrEqual(4);
      const before = house.sampled.length;
      house.sampler.onModuleDestroy();
      await jest.advanceTimersByTimeAsync(20_000);
      expect(house.sampled.length).toBe(before);
    } finally {
      jest.useRealTimers();
    }
  });
});
