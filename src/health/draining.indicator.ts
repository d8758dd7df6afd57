import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Maintenance } from '../common/maintenance';

/** Goes down when a shutdown begins, and while data is replaced, so that no new traffic is sent here. */
@Injectable()
export class DrainingIndicator implements OnModuleDestroy {
  private draining = false;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly maintenance: Maintenance,
  ) {}

  onModuleDestroy(): void {
    this.draining = true;
  }

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    if (this.draining) return indicator.down({ message: 'shutting down' });
    return this.maintenance.isOn ? indicator.down({ message: 'a backup is being restored' }) : indicator.up();
  }
}
