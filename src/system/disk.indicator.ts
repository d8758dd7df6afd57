import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { StorageMeter } from './storage-meter';

/** With less than this a database, its logs and its backups come to a halt soon. */
const LEAST_FREE_BYTES = 100 * 1024 * 1024;

/** What is left on the disk of DATA_DIR. */
@Injectable()
export class DiskIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly storage: StorageMeter,
  ) {}

  async check<K extends string>(key: K) {
    const indicator = this.indicators.check(key);
    await this.storage.refresh();
    const { disk } = this.storage.current;
    if (disk === null) return indicator.down({ message: 'The disk of DATA_DIR does not tell what is left' });
    if (disk.freeBytes >= LEAST_FREE_BYTES) return indicator.up(disk);
    return indicator.down({ ...disk, message: 'The disk of DATA_DIR is nearly full: make room, or keep less' });
  }
}
