import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SupervisorService } from '../supervisor/supervisor.service';

/**
 * Names the tools that have failed, each with its code. It is `up` all the same: a program that we manage and that does
 * not work is nothing that a restart of ours would mend.
 */
@Injectable()
export class ToolsIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly supervisor: SupervisorService,
  ) {}

  check<K extends string>(key: K) {
    return this.indicators.check(key).up({ failed: this.supervisor.failedTools() });
  }
}
