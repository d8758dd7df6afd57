import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMA } from '../../src/app.schema';
import { BackupCheckpoints } from '../../src/backup/backup-checkpoints';
import type { Made } from '../../src/backup/backup-maker';
import type { Staged } from '../../src/backup/staging.repository';
import { BackupThreads } from '../../src/backup/backup-threads';
import { BackupWorkshop } from '../../src/backup/backup-workshop';
import { newId } from '../../src/common/ids';
import { SYSTEM_ACTOR } from '../../src/common/request-context';
import { loadConfig } from '../../src/config/load-config';
import { SecretKeys } from '../../src/config/secret-keys';
import { markSecretKey } from '../../src/database/secret-key-check';
import type { Schema } from '../../src/database/data-source';
import { logTargetOf, type MigratedDatabase } from './migrated-database';

export interface WorkshopOptions {
  folder: string;
  key?: string;
  schema?: Schema;
  /** Where pg_dump is looked for. */
  path?: string;
}

/** The pieces of backups around a database of tests. */
export function aBackupWorkshop(db: MigratedDatabase, options: WorkshopOptions) {
  const { folder, key = 'the key of a workshop of tests', schema = SCHEMA, path = process.env['PATH'] ?? '' } = options;
  const env = { DATABASE_URL: db.database.url, DATA_DIR: join(folder, 'data'), BACKUP_DIR: join(folder, 'backups') };
  const config = loadConfig({ ...env, SECRET_KEY: key, PATH: path });
  mkdirSync(config.backupDir, { recursive: true });
  mkdirSync(config.dataDir, { recursive: true });
  const keys = new SecretKeys(key);
  const threads = new BackupThreads();
  const workshop = new BackupWorkshop(config, keys, schema, logTargetOf(db), threads, new BackupCheckpoints());
  const silent = { onProgress: () => undefined };
  return {
    ...{ workshop, keys, config, threads },
    /** The database belongs to this key, as after a first start. */
    mark: () => markSecretKey(db.dataSource, keys, schema.sealed ?? []),
    make: (given: { id?: string; includeLogs?: boolean } = {}): Promise<Made> => {
      const { id = newId(), includeLogs = true } = given;
      const order = { id, createdAt: Date.now(), trigger: 'manual' as const, note: null, includeLogs };
      return workshop.maker.make({ ...order, ...silent });
    },
    open: (file: string): Promise<Made> => {
      const order = { keep: null, kind: 'verify' as const, backupId: newId(), file, expected: null };
      return workshop.maker.open({ ...order, ...silent });
    },
    /** Unpacks and stages; `done` takes it all away again. */
    stage: async (
      file: string,
      adopt = false,
    ): Promise<Staged & { folder: string; jobId: string; done: () => Promise<void> }> => {
      const jobId = newId();
      const order = {
        keep: { jobId },
        kind: 'restore' as const,
        backupId: newId(),
        file,
        expected: null,
        withoutKey: adopt,
      };
      const { header } = await workshop.maker.open({ ...order, ...silent });
      const done = async () => {
        await workshop.engine.cleanUp(jobId);
        await workshop.places.endWork(jobId);
      };
      const parts = workshop.places.parts(jobId);
      const staging = {
        schema,
        ring: workshop.ring,
        backupId: header.id,
        actor: SYSTEM_ACTOR,
        ip: null,
        entitled: null,
        adopt,
      };
      try {
        const staged = await workshop.engine.stage({ id: jobId, folder: parts, header }, staging);
        return { ...staged, folder: parts, jobId, done };
      } catch (error) {
        await done();
        throw error;
      }
    },
  };
}
