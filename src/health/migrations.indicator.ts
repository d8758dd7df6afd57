import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Maintenance } from '../availability/maintenance';
import { DatabaseInfo } from '../database/database-info';

/** Whether the schema is the one that this program wants: asked at the start, and again after a maintenance (a restore). */
@Injectable()
export class MigrationsIndicator implements OnApplicationBootstrap {
  private pending: number | null = null;

  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly database: DatabaseInfo,
    maintenance: Maintenance,
  ) {
    maintenance.onChange((state) => {
      if (state === null) void this.ask();
    });
  }

  onApplicationBootstrap(): Promise<void> {
    return this.ask();
  }

  check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    // A database that does not answer now is told by its own indicator.
    return this.pending === null || this.pending === 0 ? indicator.up() : indicator.down({ pending: this.pending });
  }

  private async ask(): Promise<void> {
    try {
      this.pending = (await this.database.migrations()).pending;
    } catch {
      this.pending = null;
    }
  }
}
