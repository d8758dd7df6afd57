import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';

/** Goes down when a shutdown begins, so that no new traffic is sent here. */
@Injectable()
export class DrainingIndicator implements OnModuleDestroy {
  private draining = false;

  constructor(private readonly indicators: HealthIndicatorService) {}

  onModuleDestroy(): void {
    this.draining = true;
  }

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    return this.draining ? indicator.down({ message: 'shutting down' }) : indicator.up();
  }
}
