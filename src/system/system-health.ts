import { Injectable } from '@nestjs/common';
import { HealthCheckService, type HealthCheckResult, HealthIndicatorService } from '@nestjs/terminus';
import { type HealthPart, HealthParts } from '../availability/health-parts';
import { messageOf } from '../common/domain-error';
import { OwnIndicators } from './own-indicators';

/** All that there is to say of our health: what this module knows, and what others have registered. */
@Injectable()
export class SystemHealth {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly parts: HealthParts,
    private readonly own: OwnIndicators,
  ) {}

  check(): Promise<HealthCheckResult> {
    const { database, integrity, disk, recorder, supervisor, tools } = this.own;
    return this.health.check([
      () => database.check('database'),
      () => integrity.check('integrity'),
      () => disk.check('disk'),
      () => recorder.check('recorder'),
      () => supervisor.check('supervisor'),
      () => tools.check('tools'),
      ...this.parts.all.map((part) => () => this.checkPart(part)),
    ]);
  }

  private async checkPart({ name, check }: HealthPart) {
    const indicator = this.indicators.check(name);
    try {
      const { status, ...facts } = await check();
      return status === 'up' ? indicator.up(facts) : indicator.down(facts);
    } catch (error) {
      return indicator.down({ message: messageOf(error) });
    }
  }
}
