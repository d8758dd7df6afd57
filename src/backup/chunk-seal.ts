import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { BackupHeader } from './backup-header';
import { BackupRefusedError } from './backup.errors';

/** Bytes of a chunk but the last one. */
export const CHUNK_BYTES = 64 * 1024;
export const TAG_BYTES = 16;
export const LENGTH_BYTES = 4;
/** In a chunk's length: it is the last one. */
const FINAL = 0x8000_0000;

/**
 * Seals the chunks of one file, each bound to the head of the file, to its place, and to whether it is the last: what is
 * changed, left out, put elsewhere, cut off or taken from another file does not open. Encrypted with AES-256-GCM, whose
 * nonce is the number of the chunk (no key is used for two files); else in clear with an HMAC of the same length.
 */
export class ChunkSeal {
  private readonly key: Buffer;
  private index = 0;

  constructor(
    backupsKey: Buffer,
    private readonly header: Pick<BackupHeader, 'encryption' | 'salt'>,
    private readonly headerDigest: Buffer,
  ) {
    const salt = Buffer.from(header.salt, 'base64url');
    this.key = Buffer.from(hkdfSync('sha256', backupsKey, salt, `mcps-one backup file ${header.encryption}`, 32));
  }

  /** The chunk as it stands in the file. */
  seal(plain: Buffer, { isLast }: { isLast: boolean }): Buffer {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE((plain.length | (isLast ? FINAL : 0)) >>> 0);
    const [nonce, context] = this.next(isLast);
    if (this.header.encryption === 'none') return Buffer.concat([length, plain, this.mac(context, plain)]);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(context);
    return Buffer.concat([length, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** What was sealed. @throws BackupRefusedError */
  open(payload: Buffer, tag: Buffer, { isLast }: { isLast: boolean }): Buffer {
    const [nonce, context] = this.next(isLast);
    if (this.header.encryption === 'none') {
      if (!timingSafeEqual(tag, this.mac(context, payload))) throw new BackupRefusedError('backup_corrupt');
      return payload;
    }
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(context).setAuthTag(tag);
      return Buffer.concat([decipher.update(payload), decipher.final()]);
    } catch (error) {
      throw new BackupRefusedError('backup_corrupt', undefined, error);
    }
  }

  private mac(context: Buffer, data: Buffer): Buffer {
    return createHmac('sha256', this.key).update(context).update(data).digest().subarray(0, TAG_BYTES);
  }

  private next(isLast: boolean): [nonce: Buffer, context: Buffer] {
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32BE(this.index++, 8);
    return [nonce, Buffer.concat([this.headerDigest, nonce, Buffer.from([isLast ? 1 : 0])])];
  }
}

/** Cuts what comes into chunks and seals them; the last one, which may be empty, ends the file. */
export async function* sealedChunks(source: AsyncIterable<Buffer>, seal: ChunkSeal): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  for await (const data of source) {
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    while (held.length > CHUNK_BYTES) {
      yield seal.seal(held.subarray(0, CHUNK_BYTES), { isLast: false });
      held = held.subarray(CHUNK_BYTES);
    }
  }
  yield seal.seal(held, { isLast: true });
}

/** Takes exactly so many bytes from a source, fewer only at its end. */
export interface ByteReader {
  take(count: number): Promise<Buffer>;
}

export function byteReader(source: AsyncIterable<Buffer>): ByteReader {
  const iterator = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  return {
    async take(count) {
      const pieces = [held];
      let size = held.length;
      while (size < count) {
        const next = await iterator.next();
        if (next.done === true) break;
        pieces.push(next.value);
        size += next.value.length;
      }
      const all = pieces.length === 1 ? held : Buffer.concat(pieces, size);
      held = all.subarray(count);
      return all.subarray(0, count);
    },
  };
}

/**
 * The content of sealed chunks, each checked before anything of it is given out. With `null` for a seal nothing is checked:
 * for a backup in clear whose key is lost. @throws BackupRefusedError
 */
export async function* openedChunks(reader: ByteReader, seal: ChunkSeal | null): AsyncGenerator<Buffer> {
  for (;;) {
    const length = await reader.take(LENGTH_BYTES);
    if (length.length < LENGTH_BYTES) throw new BackupRefusedError('backup_truncated');
    const value = length.readUInt32BE();
    const isLast = (value & FINAL) !== 0;
    const bytes = (value & ~FINAL) >>> 0;
    if (bytes > CHUNK_BYTES) throw new BackupRefusedError('backup_corrupt');
    const sealed = await reader.take(bytes + TAG_BYTES);
    if (sealed.length < bytes + TAG_BYTES) throw new BackupRefusedError('backup_truncated');
    const [payload, tag] = [sealed.subarray(0, bytes), sealed.subarray(bytes)];
    yield seal === null ? payload : seal.open(payload, tag, { isLast });
    if (!isLast) continue;
    if ((await reader.take(1)).length > 0) throw new BackupRefusedError('backup_trailing_data');
    return;
  }
}
