import { constants, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error';
import { newId } from '../common/ids';
import { noteDetails, noteTarget } from '../common/request-context';
import { BackupBusyError, BackupFailedError, BackupNotReadyError, BackupRefusedError } from './backup.errors';
import { BackupCatalogue } from './backup-catalogue';
import { readHeader } from './backup-file';
import { BackupJobs } from './backup-jobs';
import { type BackupManifest, newManifest } from './backup-manifest';
import { BackupWorkshop } from './backup-workshop';
import { type ByteRange, parseRange } from './byte-range';
import { syncFolder } from './durable-file';

/** An upload of which nothing comes for so long is given up. */
const STALL_MS = 60_000;

export interface Download {
  stream: Readable;
  /** Null: the whole file. */
  range: ByteRange | null;
  sizeBytes: number;
  etag: string;
  fileName: string;
}

export class RangeNotSatisfiableError extends DomainError {
  constructor(readonly sizeBytes: number) {
    super('range-not-satisfiable', 'range_not_satisfiable', `The backup has ${sizeBytes} bytes`);
  }
}

class UploadTooLargeError extends DomainError {
  constructor(limit: number) {
    super(
      'too-large',
      'backup_too_large',
      `An uploaded backup may have ${limit} bytes; BACKUP_MAX_UPLOAD_BYTES sets that`,
    );
  }
}

class BackupExistsError extends DomainError {
  constructor(id: string) {
    super('conflict', 'backup_exists', `This backup is here already: ${id}`);
  }
}

/** Takes backups in and gives them out, as streams: neither is ever in memory. */
@Injectable()
export class BackupTransferService {
  private isReceiving = false;

  constructor(
    private readonly workshop: BackupWorkshop,
    private readonly catalogue: BackupCatalogue,
    private readonly jobs: BackupJobs,
  ) {}

  /** Opens the file of a backup, or a part of it. @throws BackupNotFoundError, BackupNotReadyError, RangeNotSatisfiableError */
  async download(id: string, wanted: { range?: string; ifRange?: string }): Promise<Download> {
    const { state, sizeBytes, sha256, createdAt } = this.catalogue.get(id);
    noteTarget({ type: 'backup', id, name: null });
    if (sizeBytes === null || sha256 === null) throw new BackupNotReadyError(state);
    const etag = `"${sha256}"`;
    // Another file than the one of which the client has a part: all of it.
    const isSame = wanted.ifRange === undefined || wanted.ifRange === etag;
    const range = isSame ? parseRange(wanted.range, sizeBytes) : null;
    if (range === 'unsatisfiable') throw new RangeNotSatisfiableError(sizeBytes);
    noteDetails({ sizeBytes, ...(range === null ? {} : { range: `${range.start}-${range.end}` }) });
    const stream = await this.read(id, sizeBytes, range);
    const day = new Date(createdAt).toISOString().replace(/[:.]/g, '-').slice(0, 19);
    return { stream, range, sizeBytes, etag, fileName: `mcps-${day}-${id}.mcpsbak` };
  }

  /** Stores what is sent, proves it, and lists it only then. @throws BackupRefusedError, BackupBusyError */
  async upload(file: Readable, server: Server): Promise<BackupManifest> {
    if (this.isReceiving) throw new BackupBusyError('A backup is being uploaded');
    this.isReceiving = true;
    const draft = this.workshop.places.draft(newId());
    try {
      await withoutRequestLimit(server, () => this.receive(file, draft));
      await this.jobs.whenFree();
      const backup = await this.jobs.begin('upload', () => this.take(draft)).done;
      noteTarget({ type: 'backup', id: backup.id, name: null });
      return backup;
    } finally {
      this.isReceiving = false;
      await rm(draft, { force: true }).catch(() => undefined);
    }
  }

  private async read(id: string, sizeBytes: number, range: ByteRange | null): Promise<Readable> {
    const handle = await open(this.workshop.places.file(id), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
      (error: unknown) => {
        throw new BackupRefusedError('backup_file_missing', undefined, error);
      },
    );
    const entry = await handle.stat();
    if (!entry.isFile() || entry.size !== sizeBytes) {
      await handle.close();
      throw new BackupRefusedError('backup_changed');
    }
    return handle.createReadStream({ ...(range ?? {}), highWaterMark: 256 * 1024 });
  }

  private async receive(file: Readable, draft: string): Promise<void> {
    const limit = this.workshop.config.backupMaxUploadBytes;
    const room = await this.workshop.places.roomForFiles().catch((error: unknown) => {
      throw new BackupFailedError(
        'backup_dir_missing',
        'The folder of the backups is gone: is its disk mounted?',
        error,
      );
    });
    const stall = new AbortController();
    const timer = setTimeout(() => stall.abort(new BackupRefusedError('backup_truncated')), STALL_MS);
    let bytes = 0;
    async function* counted(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const data of source) {
        timer.refresh();
        bytes += data.length;
        if (bytes > limit) throw new UploadTooLargeError(limit);
        if (bytes > room) throw new BackupFailedError('disk_full', 'There is no room left for this backup');
        yield data;
      }
    }
    try {
      const target = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true });
      await pipeline(file, counted, target, { signal: stall.signal });
    } finally {
      clearTimeout(timer);
    }
    noteDetails({ sizeBytes: bytes });
  }

  private async take(draft: string): Promise<BackupManifest> {
    const { places } = this.workshop;
    const { id } = await readHeader(draft);
    if (this.catalogue.find(id) !== null) throw new BackupExistsError(id);
    const order = { keep: null, kind: 'upload' as const, backupId: id, file: draft, expected: null };
    const { header, sizeBytes, sha256 } = await this.workshop.maker.open({ ...order, onProgress: () => undefined });
    await rename(draft, places.file(id));
    syncFolder(places.folder);
    const at = Date.now();
    const { createdAt, note } = header;
    this.catalogue.begin(newManifest({ id, createdAt, trigger: 'upload', note }));
    const verification = { state: 'passed' as const, error: null, at, durationMs: null };
    const known = { state: 'completed' as const, progress: 1, header, sizeBytes, sha256, verification, verifiedAt: at };
    try {
      await this.catalogue.keep(id, known);
    } catch (error) {
      await this.catalogue.remove(id);
      throw error;
    }
    return this.catalogue.get(id);
  }
}

/**
 * A large file takes longer than any other request may. The limit is one of the whole server: it is lifted only while an
 * administrator uploads, and what stalls is ended by our own.
 */
async function withoutRequestLimit<T>(server: Server, work: () => Promise<T>): Promise<T> {
  const { requestTimeout } = server;
  server.requestTimeout = 0;
  try {
    return await work();
  } finally {
    server.requestTimeout = requestTimeout;
  }
}
