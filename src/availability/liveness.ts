import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock';
import { everySeconds } from '../common/ticks';

/** Something that has to go on for us to be alive. */
export interface Pulse {
  name: string;
  isBeating: (look: PulseLook) => boolean;
}

export interface PulseLook {
  /** Monotonic milliseconds. */
  now: number;
  /** When we last came back from a time in which nothing of us ran (suspended, or the event loop was kept). */
  resumedAt: number;
}

export interface LivenessReport {
  alive: boolean;
  /** How late the event loop was at the last look, in milliseconds. */
  delayMs: number;
  pulses: { name: string; alive: boolean }[];
}

const LOOK_EVERY_MS = 1_000;
/** Later than that, and we were away: what should have happened meanwhile could not. */
const AWAY_MS = 2_000;
/** An event loop that is so late, so many times in a row, will not recover. */
const STUCK_MS = 10_000;
const STUCK_LOOKS = 3;

/**
 * Whether this process works, by what it does itself alone: the event loop turns, and those who registered go on. Neither
 * the database nor a disk nor a tool is asked: a restart of ours would mend none of them. All of it by the monotonic clock,
 * and forgiving to who was suspended (F32): a beat counts as missed only after its full time since then.
 */
@Injectable()
export class Liveness implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly pulses: Pulse[] = [];
  private stop: (() => void) | null = null;
  private lookedAt: number;
  private resumedAt: number;
  private delayMs = 0;
  private stuckLooks = 0;

  constructor(private readonly clock: Clock) {
    this.lookedAt = clock.monotonic();
    this.resumedAt = this.lookedAt;
  }

  onApplicationBootstrap(): void {
    this.lookedAt = this.clock.monotonic();
    this.resumedAt = this.lookedAt;
    this.stop = everySeconds(LOOK_EVERY_MS / 1_000, () => this.look());
  }

  onModuleDestroy(): void {
    this.stop?.();
    this.stop = null;
  }

  register(pulse: Pulse): void {
    this.pulses.push(pulse);
  }

  /** From what is known: it costs microseconds. */
  report(): LivenessReport {
    const now = this.clock.monotonic();
    // The question may have come before our own timer, right after we were away.
    if (this.stop !== null && now - this.lookedAt - LOOK_EVERY_MS > AWAY_MS) this.resumedAt = now;
    const look = { now, resumedAt: this.resumedAt };
    const pulses = this.pulses.map(({ name, isBeating }) => ({ name, alive: isBeating(look) }));
    return {
      alive: this.stuckLooks < STUCK_LOOKS && pulses.every(({ alive }) => alive),
      delayMs: Math.round(this.delayMs),
      pulses,
    };
  }

  /** Called by the timer; by tests in its place. */
  look(): void {
    const now = this.clock.monotonic();
    this.delayMs = Math.max(0, now - this.lookedAt - LOOK_EVERY_MS);
    if (this.delayMs > AWAY_MS) this.resumedAt = now;
    this.stuckLooks = this.delayMs > STUCK_MS ? this.stuckLooks + 1 : 0;
    this.lookedAt = now;
  }
}

/** Whether something that should happen again and again has done so within this time, or could not have yet. */
export function isRecent(at: number | null, limitMs: number, { now, resumedAt }: PulseLook): boolean {
  return now - Math.max(at ?? resumedAt, resumedAt) <= limitMs;
}
