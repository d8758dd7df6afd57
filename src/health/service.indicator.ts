import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Maintenance } from '../availability/maintenance';
import { ShutdownCoordinator } from '../availability/shutdown-coordinator';

/** Down from the first moment of a shutdown on, and in maintenance, so that no new traffic is sent here. */
@Injectable()
export class ServiceIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly shutdown: ShutdownCoordinator,
    private readonly maintenance: Maintenance,
  ) {}

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    if (this.shutdown.isShuttingDown) return indicator.down({ message: 'shutting down' });
    const state = this.maintenance.current;
    return state === null ? indicator.up() : indicator.down({ message: `maintenance: ${state.reason}` });
  }
}
