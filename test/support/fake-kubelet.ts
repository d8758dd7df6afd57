/**
 * What the kubelet of Kubernetes does with the probes of one container: it asks, period by period, with a limit of time, and
 * counts failures in a row. It restarts nothing here; it counts how often it would have.
 */
import { setTimeout as pause } from 'node:timers/promises';

export interface ProbeRule {
  path: string;
  periodMs: number;
  timeoutMs: number;
  failureThreshold: number;
}

export interface ProbeRules {
  startup: ProbeRule;
  live: ProbeRule;
  ready: ProbeRule;
}

/**
 * As the manual recommends them (deploy), twenty times quicker for the periods, so that tests take no minutes, and patient
 * where a single probe counts: a machine that stalls for some seconds is no failure of ours.
 */
export const QUICK_RULES: ProbeRules = {
  startup: { path: '/health/startup', periodMs: 250, timeoutMs: 10_000, failureThreshold: 60 },
  live: { path: '/health/live', periodMs: 500, timeoutMs: 5_000, failureThreshold: 3 },
  ready: { path: '/health/ready', periodMs: 250, timeoutMs: 10_000, failureThreshold: 1 },
};

/** Those that ask; a test that failed half-way leaves none behind. */
const asking = new Set<FakeKubelet>();

afterEach(async () => {
  for (const kubelet of asking) await kubelet.stop();
});

export class FakeKubelet {
  /** How often the container would have been restarted: for its liveness, or for a start that never ended. */
  wouldRestart = 0;
  /** Each change of readiness, oldest first. */
  readonly readiness: boolean[] = [];
  /** What the liveness probe was answered. */
  readonly liveAnswers: number[] = [];
  /** The slowest answer of a probe, in milliseconds. */
  slowestMs = 0;
  private readonly ended = new AbortController();
  private work: Promise<unknown> = Promise.resolve();
  private isPaused = false;

  private counts(): boolean {
    return !this.isPaused && !this.ended.signal.aborted;
  }

  constructor(
    private readonly origin: string,
    private readonly rules: ProbeRules = QUICK_RULES,
  ) {}

  get isReady(): boolean {
    return this.readiness.at(-1) ?? false;
  }

  start(): this {
    asking.add(this);
    this.work = this.probeStart().then(() => Promise.all([this.probeLive(), this.probeReady()]));
    return this;
  }

  /** The whole machine is suspended, and we with it. */
  suspend(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  async stop(): Promise<void> {
    asking.delete(this);
    this.ended.abort();
    await this.work;
  }

  private async probeStart(): Promise<void> {
    const { startup } = this.rules;
    let failures = 0;
    await this.each(startup, (status) => {
      if (status === 200) return true;
      failures += 1;
      if (failures === startup.failureThreshold) this.wouldRestart += 1;
      return false;
    });
  }

  private async probeLive(): Promise<void> {
    const { live } = this.rules;
    let failures = 0;
    await this.each(live, (status) => {
      this.liveAnswers.push(status);
      failures = status === 200 ? 0 : failures + 1;
      if (failures >= live.failureThreshold) {
        this.wouldRestart += 1;
        failures = 0;
      }
      return false;
    });
  }

  private async probeReady(): Promise<void> {
    const { ready } = this.rules;
    let failures = 0;
    await this.each(ready, (status) => {
      failures = status === 200 ? 0 : failures + 1;
      const isReady = status === 200 || (this.isReady && failures < ready.failureThreshold);
      if (this.readiness.length === 0 || isReady !== this.isReady) this.readiness.push(isReady);
      return false;
    });
  }

  /** Asks until the verdict is true, or it is over. A status of 0: no answer. */
  private async each({ path, periodMs, timeoutMs }: ProbeRule, verdict: (status: number) => boolean): Promise<void> {
    while (!this.ended.signal.aborted) {
      if (this.counts()) {
        const status = await this.ask(path, timeoutMs);
        // What it could not ask while it was suspended itself says nothing.
        if (this.counts() && verdict(status)) return;
      }
      await pause(periodMs, undefined, { signal: this.ended.signal }).catch(() => undefined);
    }
  }

  private async ask(path: string, timeoutMs: number): Promise<number> {
    const began = performance.now();
    try {
      const signal = AbortSignal.any([this.ended.signal, AbortSignal.timeout(timeoutMs)]);
      const response = await fetch(`${this.origin}${path}`, { signal });
      await response.arrayBuffer();
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began);
      return response.status;
    } catch {
      return 0;
    }
  }
}
