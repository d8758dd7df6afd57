import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { newId } from '../common/ids';
import { VERSION } from '../common/version';
import { BackupFailedError, BackupRefusedError } from './backup.errors';
import { BackupCheckpoints } from './backup-checkpoints';
import type { BackupEngine, Snapshot } from './backup-engine';
import type { PackedFile } from './backup-file';
import type { BackupHeader, Trigger } from './backup-header';
import type { BackupKeyRing } from './backup-keys';
import type { BackupPlaces, JobMark } from './backup-places';
import type { BackupThreads, OnProgress } from './backup-threads';
import { bestCompression } from './compression';
import { syncFolder } from './durable-file';

export interface MakeOrder {
  id: string;
  createdAt: number;
  trigger: Trigger;
  note: string | null;
  includeLogs: boolean;
  onProgress: OnProgress;
}

export type Made = PackedFile & { header: BackupHeader };

export interface OpenOrder {
  /** Whose parts are written to which folder; null: they are thrown away when they are proven. */
  keep: { jobId: string } | null;
  kind: JobMark['kind'];
  backupId: string;
  file: string;
  /** What the catalogue knows of it; null: nothing yet. */
  expected: PackedFile | null;
  /** A backup in clear whose key is lost is opened all the same. */
  withoutKey?: boolean;
  onProgress: OnProgress;
}

/** What the pieces need that differs between the program and its offline commands. */
export interface MakerParts {
  engine: BackupEngine;
  threads: BackupThreads;
  ring: BackupKeyRing;
  places: BackupPlaces;
  encrypt: boolean;
}

/** Makes backup files and opens them: the pipeline, without a catalogue. */
export class BackupMaker {
  constructor(
    private readonly parts: MakerParts,
    private readonly checkpoints: BackupCheckpoints,
  ) {}

  /**
   * Copy, proof, packing, and reading it all back; then the file gets its name. It is listed by whoever writes its manifest.
   * After a failure nothing is left of it. @throws BackupRefusedError, BackupFailedError
   */
  async make(order: MakeOrder): Promise<Made> {
    const { places, engine } = this.parts;
    const { id, trigger, createdAt } = order;
    if (!existsSync(places.folder)) {
      throw new BackupFailedError('backup_dir_missing', 'The folder of the backups is gone: is its disk mounted?');
    }
    await this.requireRoom(await engine.sizeBytes());
    try {
      const folder = await places.beginWork({ jobId: id, kind: 'create', backupId: id, startedAt: createdAt, trigger });
      await this.checkpoints.reached('backup.begun');
      const onProgress: OnProgress = (part) => order.onProgress(part * 0.4);
      const snapshot = await engine.snapshot({ id, folder, includeLogs: order.includeLogs, onProgress });
      await this.checkpoints.reached('backup.copied');
      return await this.pack(order, folder, snapshot);
    } catch (error) {
      for (const file of [places.draft(id), places.file(id)]) await rm(file, { force: true }).catch(() => undefined);
      throw error;
    } finally {
      await places.endWork(id).catch(() => undefined);
    }
  }

  /** Unpacks a file, proves what is in it, and gives its head. @throws BackupRefusedError */
  async open(order: OpenOrder): Promise<Made> {
    const { places, engine, threads, ring } = this.parts;
    const jobId = order.keep?.jobId ?? newId();
    const mark: JobMark = {
      jobId,
      kind: order.kind,
      backupId: order.backupId,
      startedAt: Date.now(),
      trigger: 'manual',
    };
    const folder = await places.beginWork(mark);
    let isProven = false;
    try {
      const keys = [...ring.fileKeys];
      const given = { file: order.file, folder, keys, maxBytes: await places.roomForWork() };
      const opened = await threads.run('unpack', { ...given, withoutKey: order.withoutKey === true }, (part) =>
        order.onProgress(part * 0.5),
      );
      refuseOther(opened, order);
      if (opened.header.databaseType !== engine.databaseType) {
        throw new BackupRefusedError(
          'backup_other_database',
          `${opened.header.databaseType}, here is ${engine.databaseType}`,
        );
      }
      // What is kept is proven where it is staged.
      if (order.keep === null) await engine.prove({ id: jobId, folder, header: opened.header });
      order.onProgress(1);
      isProven = true;
      return opened;
    } finally {
      if (order.keep === null || !isProven) await places.endWork(jobId).catch(() => undefined);
    }
  }

  private async pack(order: MakeOrder, folder: string, snapshot: Snapshot): Promise<Made> {
    const { threads, places, ring } = this.parts;
    const { id } = order;
    const header = await this.headerOf(order, folder, snapshot);
    const key = ring.current.backups;
    const packed = await threads.run('pack', { target: places.draft(id), header, folder, key }, (part) =>
      order.onProgress(0.4 + part * 0.4),
    );
    await this.checkpoints.reached('backup.packed');
    await this.readBack(order, header, packed);
    await this.checkpoints.reached('backup.read-back');
    await rename(places.draft(id), places.file(id));
    syncFolder(places.folder);
    await this.checkpoints.reached('backup.renamed');
    order.onProgress(1);
    return { ...packed, header };
  }

  private async headerOf(order: MakeOrder, folder: string, snapshot: Snapshot): Promise<BackupHeader> {
    const { threads, ring, engine, encrypt } = this.parts;
    const { partNames, ...content } = snapshot;
    const parts = await threads.run('describe', { folder, names: partNames });
    return {
      ...{ id: order.id, createdAt: order.createdAt, trigger: order.trigger, note: order.note, appVersion: VERSION },
      databaseType: engine.databaseType,
      ...content,
      compression: bestCompression(),
      encryption: encrypt ? 'aes-256-gcm' : 'none',
      keyId: ring.current.keyId,
      salt: randomBytes(16).toString('base64url'),
      originalBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      parts,
    };
  }

  /**
   * The file as it is on the disk, opened with the key that its head names, gives every byte of the copy that was proven: so
   * it is as good as restored, and a key that is missing shows now and not when it is needed.
   */
  private async readBack({ id, onProgress }: MakeOrder, header: BackupHeader, packed: PackedFile): Promise<void> {
    const { threads, places, ring } = this.parts;
    const given = { file: places.draft(id), folder: null, keys: [...ring.fileKeys], withoutKey: false };
    const read = await threads.run('unpack', { ...given, maxBytes: header.originalBytes }, (part) =>
      onProgress(0.8 + part * 0.2),
    );
    if (read.sha256 !== packed.sha256 || JSON.stringify(read.header) !== JSON.stringify(header)) {
      throw new BackupRefusedError('backup_changed', 'the disk gives back something else than was written');
    }
  }

  /** @throws BackupFailedError */
  async requireRoom(bytes: number): Promise<void> {
    const { places } = this.parts;
    if ((await places.roomForWork()) < bytes) {
      throw new BackupFailedError(
        'disk_full',
        `Copies of the data need ${bytes} bytes in DATA_DIR, and there are fewer`,
      );
    }
  }
}

function refuseOther(opened: Made, { expected }: OpenOrder): void {
  if (expected !== null && (opened.sha256 !== expected.sha256 || opened.sizeBytes !== expected.sizeBytes)) {
    throw new BackupRefusedError('backup_changed');
  }
}
