import type { AppConfig } from '../config/app-config';
import type { SecretKeys } from '../config/secret-keys';
import type { Schema } from '../database/data-source';
import type { LogTarget } from '../database/log-database';
import type { BackupCheckpoints } from './backup-checkpoints';
import type { BackupEngine } from './backup-engine';
import { BackupKeyRing } from './backup-keys';
import { BackupMaker } from './backup-maker';
import { BackupPlaces } from './backup-places';
import type { BackupThreads } from './backup-threads';
import { PostgresEngine } from './postgres-engine';
import { RestoreJournal } from './restore-journal';
import { SqliteEngine } from './sqlite-engine';

/** The pieces that backups and restores are made with, in the program and in its offline commands. */
export class BackupWorkshop {
  readonly engine: BackupEngine;
  readonly ring: BackupKeyRing;
  readonly places: BackupPlaces;
  readonly journal: RestoreJournal;
  readonly maker: BackupMaker;
  readonly encrypt: boolean;

  constructor(
    readonly config: AppConfig,
    keys: SecretKeys,
    readonly schema: Schema,
    target: LogTarget,
    readonly threads: BackupThreads,
    readonly checkpoints: BackupCheckpoints,
  ) {
    const path = config.environmentOfChildren.PATH ?? '';
    this.engine =
      target.type === 'sqlite'
        ? new SqliteEngine({ main: target.mainFile, logs: target.file }, threads)
        : new PostgresEngine(target.url, path, schema, threads);
    this.ring = BackupKeyRing.load(config, keys);
    this.places = new BackupPlaces(config);
    this.journal = new RestoreJournal(config.dataDir);
    this.encrypt = config.backupEncryption;
    this.maker = new BackupMaker(this, checkpoints);
  }
}
