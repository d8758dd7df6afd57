import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LiveViews } from '../events/live-views';
import { type BackupView, toBackupView } from './backup.dto';
import { BackupCatalogue } from './backup-catalogue';
import { BackupKeyRing } from './backup-keys';
import type { BackupManifest } from './backup-manifest';

/** Backups as the routes show them, and the stream of events. */
@Injectable()
export class BackupPresenter implements OnModuleInit {
  constructor(
    private readonly catalogue: BackupCatalogue,
    private readonly ring: BackupKeyRing,
    private readonly views: LiveViews,
  ) {}

  onModuleInit(): void {
    this.views.showBackups({
      read: (id) => {
        const found = this.catalogue.find(id);
        return Promise.resolve(found === null ? null : this.view(found));
      },
      current: () => Promise.resolve(this.current()),
    });
  }

  view(backup: BackupManifest): BackupView {
    return toBackupView(backup, (keyId) => this.ring.has(keyId));
  }

  private current(): string[] {
    const isBusy = ({ state, verification, restore }: BackupManifest) =>
      [state, verification?.state, restore?.state].includes('running');
    const [newest, ...older] = this.catalogue.list();
    return (newest === undefined ? [] : [newest, ...older.filter(isBusy)]).map(({ id }) => id);
  }
}
