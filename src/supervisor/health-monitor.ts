import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock';
import {
  answered,
  type Health,
  type HealthRules,
  healthRules,
  look,
  missed,
  MISSES_ALLOWED,
  newHealth,
  replanned,
  type Sight,
  type Verdict,
} from './health-check';
import type { PingResult } from './session-ping';
import { SupervisorService } from './supervisor.service';
import type { ToolSession } from './tool-session';

interface Patient {
  toolId: string;
  session: ToolSession;
  health: Health;
}

const CODE = 'unresponsive';
/** How often all tools are looked at: a twelfth of the interval within these limits. */
const SHORTEST_TICK_MS = 100;
const LONGEST_TICK_MS = 5_000;
/** A tick that comes so much too late means that we ourselves did not run. */
const SUSPENDED_MS = 2_000;

/**
 * Asks running tools that have been quiet for long whether they are still there (F23, F42), as soon as it is told how long
 * that is: one timer for all. A miss shows as
 * `lastError`, the third in a row ends that life, and the restart policy decides what follows.
 */
@Injectable()
export class HealthMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Health');
  /** An interval of 0: nobody is asked. */
  private rules: HealthRules = healthRules(0);
  private tickMs = LONGEST_TICK_MS;
  private isOpen = false;
  private readonly patients = new Map<string, Patient>();
  private timer: NodeJS.Timeout | null = null;
  private lastTickAt: number;
  /** Until then a miss says nothing about a tool (F32). Monotonic, as is `lastTickAt`. */
  private graceUntil = -Infinity;

  constructor(
    private readonly supervisor: SupervisorService,
    private readonly clock: Clock,
  ) {
    this.lastTickAt = clock.monotonic();
  }

  /** From now on tools are asked after so much silence, also those that have been silent for a while; 0: none is. */
  askAfter(intervalMs: number): void {
    if (intervalMs === this.rules.intervalMs) return;
    this.rules = healthRules(intervalMs);
    this.tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, intervalMs / 12));
    if (intervalMs === 0) this.dismissAll();
    const now = this.clock.monotonic();
    for (const patient of this.patients.values()) {
      patient.health = replanned(patient.health, now, this.rules, Math.random());
    }
    this.schedule();
  }

  onApplicationBootstrap(): void {
    this.isOpen = true;
    this.schedule();
  }

  onModuleDestroy(): void {
    this.isOpen = false;
    this.schedule();
    this.patients.clear();
  }

  /** Looks at all running tools once. */
  tick(): void {
    const now = this.clock.monotonic();
    if (now - this.lastTickAt > this.tickMs + SUSPENDED_MS) this.graceUntil = now + this.rules.answerMs + this.tickMs;
    this.lastTickAt = now;
    const running = this.supervisor.runningSessions();
    for (const id of this.patients.keys()) if (!running.has(id)) this.patients.delete(id);
    for (const [toolId, session] of running) {
      try {
        this.examine(toolId, session);
      } catch (error) {
        this.onFault(session, error);
      }
    }
  }

  /** One tool that can't be judged leaves all others in care, and itself as it is. */
  private onFault(session: ToolSession, error: unknown): void {
    this.logger.error('A tool could not be examined', error, { tool: session.tool.name });
  }

  private schedule(): void {
    if (this.timer) clearInterval(this.timer);
    this.timer = null;
    if (!this.isOpen || this.rules.intervalMs === 0) return;
    this.lastTickAt = this.clock.monotonic();
    this.timer = setInterval(() => this.tick(), this.tickMs).unref();
  }

  /** Nobody looks after them any more, so that nothing said of their silence could be taken back later. */
  private dismissAll(): void {
    for (const { toolId, session, health } of this.patients.values()) {
      if (health.misses > 0) this.supervisor.recover(toolId, session.generation, CODE);
    }
    this.patients.clear();
  }

  private examine(toolId: string, session: ToolSession): void {
    const known = this.patients.get(toolId);
    if (known?.session !== session) {
      const health = newHealth(this.sightOf(session), this.rules, Math.random());
      this.patients.set(toolId, { toolId, session, health });
      return;
    }
    const { health, verdict, ask } = look(known.health, this.sightOf(session), this.rules, Math.random());
    this.apply(known, { health, verdict });
    if (!ask) return;
    session
      .ping(this.rules.answerMs)
      .then((result) => this.onResult(known, result))
      .catch((error: unknown) => this.onFault(session, error));
  }

  private onResult(patient: Patient, result: PingResult): void {
    const { session, health } = patient;
    // Another life has begun, or none.
    if (this.patients.get(patient.toolId) !== patient || session.signal.aborted) return;
    const sight = this.sightOf(session);
    if (result.is === 'answered') {
      this.apply(patient, answered(health, sight, this.rules, Math.random()));
      return;
    }
    const { pingMs, hasSpoken } = session;
    const wasSuspended = sight.now < this.graceUntil;
    const miss = { ...sight, hasAnswered: pingMs !== null, hasSpoken, wasSuspended };
    this.apply(patient, missed(health, miss, this.rules, Math.random()), result.reason);
  }

  private apply(patient: Patient, { health, verdict }: { health: Health; verdict: Verdict }, reason = ''): void {
    const { toolId, session } = patient;
    const { generation } = session;
    const isFirst = patient.health.misses === 0;
    patient.health = health;
    const facts = { tool: session.tool.name, generation };
    if (verdict === 'recovered') {
      this.logger.log('A tool answers again', facts);
      this.supervisor.recover(toolId, generation, CODE);
    } else if (verdict === 'degraded' && isFirst) {
      this.logger.warn('A tool does not answer', { ...facts, reason });
      this.supervisor.degrade(toolId, generation, CODE, `It runs but does not answer (${session.mask.apply(reason)})`);
    } else if (verdict === 'condemned') {
      const message = `It did not answer ${MISSES_ALLOWED} times in a row (${session.mask.apply(reason)})`;
      this.supervisor.condemn(toolId, generation, CODE, message);
    }
  }

  private sightOf({ peer }: ToolSession): Sight {
    return { now: this.clock.monotonic(), heard: peer?.heard ?? 0, isBusy: peer?.isBusy ?? false };
  }
}
