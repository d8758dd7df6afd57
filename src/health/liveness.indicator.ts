import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Liveness } from '../availability/liveness';

/** Whether the process itself works; says which part does not. */
@Injectable()
export class LivenessIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly liveness: Liveness,
  ) {}

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    const { alive, delayMs, pulses } = this.liveness.report();
    if (alive) return indicator.up();
    const stuck = pulses.filter((pulse) => !pulse.alive).map(({ name }) => name);
    return indicator.down({ delayMs, stuck: stuck.length === 0 ? ['event-loop'] : stuck });
  }
}
