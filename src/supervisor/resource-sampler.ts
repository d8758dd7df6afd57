import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { messageOf } from '../common/domain-error';
import { GroupUsageReader } from './group-usage';
import { type LiveProcess, SupervisorService } from './supervisor.service';

/** How the sampler works: a test may make it quicker. */
@Injectable()
export class SamplingTimes {
  readonly intervalMs: number = 5_000;
  /** Samples in a row over the limit before a tool is restarted: a short peak is no leak. */
  readonly samplesOverLimit: number = 3;
}

/** Told after each round of samples. */
export type SampleListener = () => void;

/**
 * Looks every 5 s at what the process groups of all tools use, and restarts (by the restart policy) a tool that is over
 * its memory limit three times in a row. Without a process a round costs nothing.
 */
@Injectable()
export class ResourceSampler implements OnApplicationBootstrap, OnModuleDestroy {
  /** How many lives of tools were ended because of their memory. */
  readonly counters = { overMemoryLimit: 0 };
  private readonly logger = new Logger('Supervisor');
  private readonly listeners = new Set<SampleListener>();
  /** Samples in a row over the limit, of one life. */
  private readonly over = new Map<string, { generation: number; samples: number }>();
  private timer: NodeJS.Timeout | null = null;
  private isEnded = false;

  constructor(
    private readonly supervisor: SupervisorService,
    private readonly usage: GroupUsageReader,
    private readonly times: SamplingTimes,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  onModuleDestroy(): void {
    this.isEnded = true;
    if (this.timer) clearTimeout(this.timer);
  }

  onSample(listener: SampleListener): void {
    this.listeners.add(listener);
  }

  /** One round. Never rejects. */
  async sample(): Promise<void> {
    try {
      const processes = this.supervisor.liveProcesses();
      await this.usage.sample(processes.map(({ pgid }) => pgid));
      this.judge(processes);
      for (const listener of this.listeners) listener();
    } catch (error) {
      this.logger.error('What tools use could not be sampled', { reason: messageOf(error) });
    }
  }

  /** Up to a tenth early, so that nothing else that comes every few seconds keeps meeting it. */
  private schedule(): void {
    if (this.isEnded) return;
    this.timer = setTimeout(
      () => {
        void this.sample().then(() => this.schedule());
      },
      this.times.intervalMs * (1 - Math.random() / 10),
    );
    this.timer.unref();
  }

  private judge(processes: LiveProcess[]): void {
    const seen = new Set<string>();
    for (const process of processes) {
      // What is still starting, or on its way down, has its own limit of time.
      if (this.supervisor.session(process.toolId)?.generation !== process.generation) continue;
      if (this.isOverLimit(process)) seen.add(process.toolId);
    }
    for (const toolId of this.over.keys()) if (!seen.has(toolId)) this.over.delete(toolId);
  }

  private isOverLimit({ toolId, name, generation, pgid, memoryLimitBytes }: LiveProcess): boolean {
    if (memoryLimitBytes === null) return false;
    const memoryBytes = this.usage.read(pgid)?.memoryBytes ?? 0;
    if (memoryBytes <= memoryLimitBytes) return false;
    const before = this.over.get(toolId);
    const samples = before?.generation === generation ? before.samples + 1 : 1;
    this.over.set(toolId, { generation, samples });
    if (samples < this.times.samplesOverLimit) return true;
    this.counters.overMemoryLimit += 1;
    this.logger.warn('A tool is over its memory limit', { tool: name, generation, memoryBytes, memoryLimitBytes });
    const message = `Its processes use ${mebibytes(memoryBytes)}, and its limit is ${mebibytes(memoryLimitBytes)}`;
    this.supervisor.condemn(toolId, generation, 'memory_limit', message);
    return false;
  }
}

function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 1_048_576) * 10) / 10} MiB`;
}
