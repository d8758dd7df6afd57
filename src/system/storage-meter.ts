import { stat, statfs } from 'node:fs/promises';
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { AppConfig } from '../config/app-config';
import { DatabaseInfo } from '../database/database-info';
import { LogStorage } from '../database/log-database';

/** What changes slowly is asked for at most so often. */
const FRESH_MS = 30_000;

export interface StorageReading {
  disk: { totalBytes: number; freeBytes: number } | null;
  databaseBytes: number | null;
}

/** How much the disk of DATA_DIR has left, and how large the database is: on SQLite all of its files together. */
@Injectable()
export class StorageMeter {
  private known: StorageReading = { disk: null, databaseBytes: null };
  private askedAt = -Infinity;

  constructor(
    private readonly config: AppConfig,
    private readonly database: DatabaseInfo,
    private readonly storage: LogStorage,
    private readonly clock: Clock,
  ) {}

  /** The last reading. */
  get current(): StorageReading {
    return this.known;
  }

  /** Asks anew when the last answer is old; never rejects. */
  async refresh(): Promise<void> {
    if (this.clock.monotonic() - this.askedAt < FRESH_MS) return;
    this.askedAt = this.clock.monotonic();
    const [disk, databaseBytes] = await Promise.all([
      this.disk().catch(() => null),
      this.databaseBytes().catch(() => null),
    ]);
    this.known = { disk, databaseBytes };
  }

  private async disk(): Promise<StorageReading['disk']> {
    const { blocks, bavail, bsize } = await statfs(this.config.dataDir);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  }

  private async databaseBytes(): Promise<number> {
    const { target } = this.storage;
    if (target.type === 'postgres') return this.database.serverSizeBytes();
    const files = [target.mainFile, target.file].flatMap((file) => [file, `${file}-wal`]);
    const sizes = await Promise.all(
      files.map((file) =>
        stat(file).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}
