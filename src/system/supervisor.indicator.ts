import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SupervisorService } from '../supervisor/supervisor.service';

/** How sure it is that no process of a tool is left over. A weaker level than possible is told in notes, it is no outage. */
@Injectable()
export class SupervisorIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly supervisor: SupervisorService,
  ) {}

  check<K extends string>(key: K) {
    return this.indicators.check(key).up({ isolation: this.supervisor.isolation() });
  }
}
