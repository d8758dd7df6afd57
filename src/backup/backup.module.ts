import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { AppConfig } from '../config/app-config';
import { SecretKeys } from '../config/secret-keys';
import { DATABASE_SCHEMA, type Schema } from '../database/data-source';
import { LogStorage } from '../database/log-database';
import { Events } from '../events/events';
import { LogsModule } from '../logs/logs.module';
import { ToolsModule } from '../tools/tools.module';
import { BackupController } from './backup.controller';
import { BackupJob } from './backup.job';
import { BackupService } from './backup.service';
import { BackupCatalogue } from './backup-catalogue';
import { BackupCheckpoints } from './backup-checkpoints';
import { BackupJobs } from './backup-jobs';
import { BackupKeyRing } from './backup-keys';
import { BackupOverview } from './backup-overview';
import { BackupPresenter } from './backup-presenter';
import { BackupReport } from './backup-report';
import { BackupStandstill } from './backup-standstill';
import { BackupTestJob } from './backup-test.job';
import { BackupThreads } from './backup-threads';
import { BackupTransferController } from './backup-transfer.controller';
import { BackupTransferService } from './backup-transfer.service';
import { BackupWorkshop } from './backup-workshop';
import { LiveData } from './live-data.repository';
import { RestoreService } from './restore.service';

/**
 * Owns: backups and restores: their files and catalogue in BACKUP_DIR, their routes, schedule, retention and warning.
 * Does not own: the maintenance mode (availability/), the lock that moves with a restore (database/), when jobs run (scheduler/).
 */
@Module({
  imports: [AuthModule, LogsModule, ToolsModule],
  controllers: [BackupTransferController, BackupController],
  providers: [
    {
      provide: BackupWorkshop,
      inject: [AppConfig, SecretKeys, DATABASE_SCHEMA, LogStorage, BackupThreads, BackupCheckpoints],
      useFactory: (
        config: AppConfig,
        keys: SecretKeys,
        schema: Schema,
        { target }: LogStorage,
        threads: BackupThreads,
        checkpoints: BackupCheckpoints,
      ) => new BackupWorkshop(config, keys, schema, target, threads, checkpoints),
    },
    { provide: BackupKeyRing, inject: [BackupWorkshop], useFactory: ({ ring }: BackupWorkshop) => ring },
    {
      provide: BackupCatalogue,
      inject: [BackupWorkshop, Events],
      useFactory: ({ places }: BackupWorkshop, events: Events) => new BackupCatalogue(places, events),
    },
    BackupThreads,
    BackupCheckpoints,
    BackupPresenter,
    BackupService,
    RestoreService,
    BackupTransferService,
    BackupJobs,
    BackupStandstill,
    BackupOverview,
    BackupReport,
    BackupJob,
    BackupTestJob,
    LiveData,
  ],
})
export class BackupModule {}
