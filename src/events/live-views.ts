import { Injectable } from '@nestjs/common';

/** Reads one thing as its route shows it; null: there is none (any more). */
export type ReadView = (id: string) => Promise<object | null>;

export interface BackupViews {
  /** As `GET /system/backups/{id}`. */
  read: ReadView;
  /** Ids of those that a stream begins with: the newest, and any that is under way. */
  current: () => Promise<readonly string[]>;
}

/**
 * How streams show what changes: facts name things by their ids alone, and streams don't know the routes that show them.
 * Whoever owns such a route registers at start how it is read. What nobody registers is not shown.
 */
@Injectable()
export class LiveViews {
  private backupViews: BackupViews | null = null;
  private readStatus: (() => Promise<object>) | null = null;

  get backups(): BackupViews | null {
    return this.backupViews;
  }

  /** As `GET /system/status`. It is asked every few seconds, and only while somebody watches. */
  get systemStatus(): (() => Promise<object>) | null {
    return this.readStatus;
  }

  showBackups(views: BackupViews): void {
    this.backupViews = views;
  }

  showSystemStatus(read: () => Promise<object>): void {
    this.readStatus = read;
  }
}
