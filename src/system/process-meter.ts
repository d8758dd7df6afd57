import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { type Lateness, LoopDelay } from './loop-delay';
import { type MachineTime, machineTime } from './machine-cpu';

export interface ProcessReading {
  cpu: {
    /** Of one core, since the reading before; null at the first one. */
    processPercent: number | null;
    /** Of all cores together. */
    systemPercent: number | null;
    cores: number;
    loadAverage: number[];
  };
  memory: { rssBytes: number; heapUsedBytes: number; systemTotalBytes: number; systemFreeBytes: number };
  /** How late timers came, and which part of the time the loop was busy, since the reading before. */
  eventLoop: Lateness & { utilization: number };
}

/** What this process and its machine use: each reading is about the time since the one before. */
export class ProcessMeter {
  private readonly delay = new LoopDelay();
  private loop: EventLoopUtilization = performance.eventLoopUtilization();
  private own: { at: number; microseconds: number } | null = null;
  private machine: MachineTime | null = null;

  start(): void {
    this.delay.start();
  }

  stop(): void {
    this.delay.stop();
  }

  read(): ProcessReading {
    const { rss, heapUsed } = process.memoryUsage();
    return {
      cpu: {
        processPercent: this.processPercent(),
        systemPercent: this.systemPercent(),
        cores: availableParallelism(),
        loadAverage: loadavg(),
      },
      memory: { rssBytes: rss, heapUsedBytes: heapUsed, systemTotalBytes: totalmem(), systemFreeBytes: freemem() },
      eventLoop: this.eventLoop(),
    };
  }

  private processPercent(): number | null {
    const { user, system } = process.cpuUsage();
    const before = this.own;
    this.own = { at: performance.now(), microseconds: user + system };
    if (before === null) return null;
    const elapsed = (this.own.at - before.at) * 1_000;
    return elapsed <= 0 ? null : rounded((100 * (this.own.microseconds - before.microseconds)) / elapsed);
  }

  private systemPercent(): number | null {
    const before = this.machine;
    const now = machineTime();
    this.machine = now;
    if (before === null || now.total <= before.total) return null;
    return rounded((100 * (now.busy - before.busy)) / (now.total - before.total));
  }

  private eventLoop(): ProcessReading['eventLoop'] {
    const before = this.loop;
    this.loop = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(this.loop, before);
    return { ...this.delay.read(utilization), utilization: Math.round(utilization * 10_000) / 10_000 };
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
