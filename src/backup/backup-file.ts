import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  type BackupHeader,
  encodeHeader,
  headerDigest,
  headerLength,
  parseHeader,
  PREAMBLE_BYTES,
  type PartDescription,
} from './backup-header';
import { BackupRefusedError } from './backup.errors';
import { byteReader, ChunkSeal, openedChunks, sealedChunks } from './chunk-seal';
import { createPacker, unpacked } from './compression';

/** Keys for backup files, by the id of the SECRET_KEY that they come from. */
export type BackupKeys = ReadonlyMap<string, Buffer>;

export interface PackedFile {
  sizeBytes: number;
  sha256: string;
}

/** More than that no database shrinks; a file that promises to grow more was made to fill the disk. */
const MAX_RATIO = 250;
const MAX_RATIO_FREE_BYTES = 64 * 1024 * 1024;
const READ_BYTES = 256 * 1024;

/** Size and checksum of a file. */
export async function describePart(folder: string, name: string): Promise<PartDescription> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const data of createReadStream(join(folder, name), { highWaterMark: READ_BYTES })) {
    hash.update(data as Buffer);
    sizeBytes += (data as Buffer).length;
  }
  return { name, sizeBytes, sha256: hash.digest('hex') };
}

/** Writes a backup file of the parts in a folder, flushed to the disk. `onBytes` is told of every piece of the parts. */
export async function packFile(
  target: string,
  header: BackupHeader,
  folder: string,
  key: Buffer,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<PackedFile> {
  const encoded = encodeHeader(header);
  const seal = new ChunkSeal(key, header, headerDigest(encoded));
  const packer = createPacker(header.compression);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  async function* content(): AsyncGenerator<Buffer> {
    for (const { name } of header.parts) {
      for await (const data of createReadStream(join(folder, name), { highWaterMark: READ_BYTES })) {
        onBytes((data as Buffer).length);
        yield data as Buffer;
      }
    }
  }
  async function* file(): AsyncGenerator<Buffer> {
    for (const data of [encoded]) yield data;
    yield* sealedChunks(packer as AsyncIterable<Buffer>, seal);
  }
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const data of file()) {
      hash.update(data);
      sizeBytes += data.length;
      yield data;
    }
  }
  await Promise.all([
    pipeline(content, packer),
    pipeline(counted, createWriteStream(target, { flags: 'wx', mode: 0o600, flush: true })),
  ]);
  return { sizeBytes, sha256: hash.digest('hex') };
}

export interface UnpackOptions {
  /** Where the parts are written to; null: they are only read and compared. */
  folder: string | null;
  keys: BackupKeys;
  /** Most that the parts may come to. */
  maxBytes: number;
  /** A backup in clear whose key is lost is read all the same; its parts are compared with their checksums alone. */
  withoutKey?: boolean;
  /** Told of each piece, and what all pieces come to. */
  onBytes?: (bytes: number, total: number) => void;
}

/** The head of a backup file, not yet checked against its seal. @throws BackupRefusedError */
export async function readHeader(file: string): Promise<BackupHeader> {
  const handle = await openRegular(file);
  try {
    return (await readHead(handle)).header;
  } finally {
    await handle.close();
  }
}

/**
 * Reads a backup file from its first byte to its last, and gives its head and what the file itself is. Everything is
 * checked: seal, sizes, checksums, and that nothing follows. In constant memory, and never more than `maxBytes` on the disk.
 * @throws BackupRefusedError
 */
export async function unpackFile(file: string, options: UnpackOptions): Promise<PackedFile & { header: BackupHeader }> {
  const handle = await openRegular(file);
  try {
    const { size } = await handle.stat();
    const { header, encoded } = await readHead(handle);
    const seal = sealFor(header, encoded, options);
    refuseBomb(header, size, options.maxBytes);
    const hash = createHash('sha256').update(encoded);
    let sizeBytes = encoded.length;
    const raw = handle.createReadStream({ start: encoded.length, highWaterMark: READ_BYTES, autoClose: false });
    async function* counted(): AsyncGenerator<Buffer> {
      for await (const data of raw) {
        hash.update(data as Buffer);
        sizeBytes += (data as Buffer).length;
        yield data as Buffer;
      }
    }
    const content = unpacked(openedChunks(byteReader(counted()), seal), header.compression);
    await writeParts(content, header, options);
    return { header, sizeBytes, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}

function sealFor(header: BackupHeader, encoded: Buffer, { keys, withoutKey }: UnpackOptions): ChunkSeal | null {
  const key = keys.get(header.keyId);
  if (key !== undefined) return new ChunkSeal(key, header, headerDigest(encoded));
  if (withoutKey === true && header.encryption === 'none') return null;
  throw new BackupRefusedError(
    'backup_wrong_key',
    `its key id is ${header.keyId}, here are ${[...keys.keys()].join(', ') || 'none'}`,
  );
}

function refuseBomb({ originalBytes }: BackupHeader, packedBytes: number, maxBytes: number): void {
  if (originalBytes > MAX_RATIO_FREE_BYTES && originalBytes > packedBytes * MAX_RATIO) {
    throw new BackupRefusedError('backup_bomb', `${packedBytes} bytes that claim to be ${originalBytes}`);
  }
  if (originalBytes > maxBytes) {
    throw new BackupRefusedError('backup_too_large', `${originalBytes} bytes, there is room for ${maxBytes}`);
  }
}

/** Opens a file that is one: a link could lead anywhere. */
async function openRegular(file: string): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new BackupRefusedError('backup_file_missing', undefined, error);
    if (code === 'ELOOP' || code === 'EMLINK') throw new BackupRefusedError('backup_not_a_file', undefined, error);
    throw error;
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new BackupRefusedError('backup_not_a_file');
}

async function readHead(handle: FileHandle): Promise<{ header: BackupHeader; encoded: Buffer }> {
  const preamble = await readAt(handle, 0, PREAMBLE_BYTES);
  const length = headerLength(preamble);
  const json = await readAt(handle, PREAMBLE_BYTES, length);
  if (json.length < length) throw new BackupRefusedError('backup_truncated');
  return { header: parseHeader(json), encoded: Buffer.concat([preamble, json]) };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Divides the content into its parts, checks each, and refuses what is too much as soon as it comes. */
async function writeParts(
  content: AsyncIterable<Buffer>,
  { parts, originalBytes }: BackupHeader,
  { folder, onBytes = () => undefined }: UnpackOptions,
): Promise<void> {
  const writer = new PartWriter(parts, folder);
  try {
    for await (const data of content) {
      onBytes(data.length, originalBytes);
      await writer.write(data);
    }
    await writer.end();
  } finally {
    await writer.close();
  }
}

class PartWriter {
  private index = -1;
  private left = 0;
  private hash: Hash = createHash('sha256');
  private handle: FileHandle | null = null;

  constructor(
    private readonly parts: readonly PartDescription[],
    private readonly folder: string | null,
  ) {}

  async write(data: Buffer): Promise<void> {
    let rest = data;
    while (rest.length > 0) {
      while (this.left === 0) {
        await this.advance();
        if (this.index === this.parts.length) {
          throw new BackupRefusedError('backup_bomb', 'its content goes on behind its last part');
        }
      }
      const piece = rest.subarray(0, this.left);
      this.hash.update(piece);
      await this.handle?.writeFile(piece);
      this.left -= piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  async end(): Promise<void> {
    while (this.index < this.parts.length) {
      if (this.left > 0) throw new BackupRefusedError('backup_truncated');
      await this.advance();
    }
  }

  async close(): Promise<void> {
    await this.handle?.close();
    this.handle = null;
  }

  private async advance(): Promise<void> {
    await this.finishPart();
    this.index++;
    await this.openPart();
  }

  private async openPart(): Promise<void> {
    const part = this.parts[this.index];
    if (part === undefined) return;
    this.left = part.sizeBytes;
    this.hash = createHash('sha256');
    if (this.folder !== null) this.handle = await open(join(this.folder, part.name), 'wx', 0o600);
  }

  private async finishPart(): Promise<void> {
    const part = this.parts[this.index];
    if (part === undefined) return;
    if (this.hash.digest('hex') !== part.sha256) throw new BackupRefusedError('backup_corrupt', part.name);
    await this.handle?.sync();
    await this.close();
  }
}
