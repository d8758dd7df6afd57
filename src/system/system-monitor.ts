import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock';
import { messageOf } from '../common/domain-error';
import type { LiveSeries } from '../metrics/live-series';
import { MetricStore } from '../metrics/metric-store';
import { ResourceSampler } from '../supervisor/resource-sampler';
import { ProcessMeter, type ProcessReading } from './process-meter';
import { SystemMeters } from './system-meters';
import { noteReading, SYSTEM_SERIES, SYSTEM_VALUES } from './system-series';
import type { SystemReading } from './system-reading.types';

/** Rates are told of so long. */
const RATE_WINDOW_MS = 60_000;

interface Counted {
  /** Monotonic milliseconds. */
  at: number;
  requests: number;
  calls: number;
  errors: number;
}

/**
 * Measures MCPS.ONE itself, each time that the tools are sampled (every five seconds, so the process wakes once for both):
 * the newest reading for whoever asks, and a series like those of tools. Nothing here waits for anything.
 */
@Injectable()
export class SystemMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SystemMonitor.name);
  private readonly process = new ProcessMeter();
  private readonly counted: Counted[] = [];
  private readonly series: LiveSeries;
  private latest: SystemReading | null = null;

  constructor(
    private readonly meters: SystemMeters,
    private readonly sampler: ResourceSampler,
    private readonly clock: Clock,
    store: MetricStore,
  ) {
    this.series = store.open(SYSTEM_SERIES);
    meters.calls.onCall((outcome, durationMs) => {
      const point = this.series.at(clock.now());
      point.count(SYSTEM_VALUES.calls);
      if (outcome !== 'ok' && outcome !== 'cancelled') point.count(SYSTEM_VALUES.errors);
      if (durationMs !== null && outcome !== 'cancelled' && outcome !== 'transport_error') point.duration(durationMs);
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    this.process.start();
    await this.meters.refresh();
    this.sample();
    this.sampler.onSample(() => {
      void this.meters.refresh();
      this.sample();
    });
  }

  onModuleDestroy(): void {
    this.process.stop();
  }

  /** The newest reading. What use is about the time before it; tools, recorder, database and clients are as they are now. */
  get current(): SystemReading {
    const reading = this.latest ?? this.read();
    return { ...reading, ...this.now() };
  }

  /** Takes a reading. Never throws: it is called by a timer. */
  sample(): void {
    try {
      const before = this.latest;
      this.latest = this.read();
      noteReading(this.series.at(this.latest.at), this.latest, before);
    } catch (error) {
      this.logger.error('MCPS.ONE could not be measured', { reason: messageOf(error) });
    }
  }

  private read(): SystemReading {
    this.count();
    return { at: this.clock.now(), ...this.process.read(), ...this.now() };
  }

  private count(): void {
    const { http, calls } = this.meters;
    const now = this.clock.monotonic();
    this.counted.push({ at: now, requests: http.requests, calls: calls.calls, errors: calls.errors });
    while ((this.counted[1]?.at ?? Infinity) <= now - RATE_WINDOW_MS) this.counted.shift();
  }

  private now(): Omit<SystemReading, 'at' | keyof ProcessReading> {
    const { http, calls } = this.meters;
    const { gateway, ...rest } = this.meters.now();
    const [oldest] = this.counted;
    const seconds = Math.max(1, (this.clock.monotonic() - (oldest?.at ?? 0)) / 1_000);
    const called = calls.calls - (oldest?.calls ?? 0);
    const failed = calls.errors - (oldest?.errors ?? 0);
    return {
      ...rest,
      gateway: {
        ...gateway,
        callsPerSecond: rounded(called / seconds),
        errorRate: called === 0 ? 0 : rounded(failed / called),
      },
      http: {
        requests: http.requests,
        requestsPerSecond: rounded((http.requests - (oldest?.requests ?? 0)) / seconds),
      },
    };
  }
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
