import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../common/clock';
import { DomainError, messageOf } from '../common/domain-error';

/**
 * What happens at a shutdown, in this order; between `farewell` and `flush` the HTTP server closes.
 *
 *   refuse    nothing new is begun: starts, jobs, sessions
 *   drain     what is under way gets its time: calls are answered
 *   children  the programs of tools end
 *   farewell  streams, which have shown all of that, get their last event and end
 *   flush     what is still in memory is written
 *   close     connections close, locks open
 */
export const SHUTDOWN_PHASES = ['refuse', 'drain', 'children', 'farewell', 'flush', 'close'] as const;
export type ShutdownPhase = (typeof SHUTDOWN_PHASES)[number];

/** Most that a step of a phase may take, in milliseconds. With the 2 s of the HTTP server they make 25 s. */
const PHASE_LIMIT_MS: Readonly<Record<ShutdownPhase, number>> = {
  refuse: 1_000,
  drain: 5_000,
  children: 8_500,
  farewell: 1_000,
  flush: 5_500,
  close: 2_000,
};

export interface ShutdownStep {
  /** As the log names it. */
  name: string;
  phase: ShutdownPhase;
  /** Less than the phase allows. */
  limitMs?: number;
  run: () => void | Promise<void>;
}

/** 503: MCPS.ONE is on its way down. */
export class ShuttingDownError extends DomainError {
  constructor() {
    super('unavailable', 'shutting_down', 'MCPS.ONE is shutting down', { retryAfterSeconds: 5 });
  }
}

/**
 * The one place that knows how MCPS.ONE goes down. Whoever has something to end registers a step, in its constructor (a
 * start that fails half-way goes down the same way). The steps of a phase run side by side, the next phase begins when they
 * have ended or their time is up; one that fails or overruns is told and holds nothing up.
 */
@Injectable()
export class ShutdownCoordinator implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('Shutdown');
  private readonly steps: ShutdownStep[] = [];
  private begun = false;

  constructor(private readonly clock: Clock) {}

  /** From the first moment of a shutdown on: readiness is down. */
  get isShuttingDown(): boolean {
    return this.begun;
  }

  register(step: ShutdownStep): void {
    this.steps.push(step);
  }

  /** @throws ShuttingDownError */
  assertRunning(): void {
    if (this.begun) throw new ShuttingDownError();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.begun = true;
    for (const phase of ['refuse', 'drain', 'children', 'farewell'] as const) await this.runPhase(phase);
  }

  async onApplicationShutdown(): Promise<void> {
    for (const phase of ['flush', 'close'] as const) await this.runPhase(phase);
  }

  private async runPhase(phase: ShutdownPhase): Promise<void> {
    await Promise.all(this.steps.filter((step) => step.phase === phase).map((step) => this.runStep(step)));
  }

  private async runStep({ name, phase, limitMs = Infinity, run }: ShutdownStep): Promise<void> {
    const limit = Math.min(limitMs, PHASE_LIMIT_MS[phase]);
    const began = this.clock.monotonic();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), limit)));
    try {
      const ended = await Promise.race([Promise.resolve().then(run), late]);
      const ms = Math.round(this.clock.monotonic() - began);
      if (ended === 'late')
        this.logger.warn('A step of the shutdown took too long; it goes on without it', { name, ms });
      else this.logger.debug('A step of the shutdown is done', { name, phase, ms });
    } catch (error) {
      this.logger.error('A step of the shutdown failed', error, { name, reason: messageOf(error) });
    } finally {
      clearTimeout(timer);
    }
  }
}
