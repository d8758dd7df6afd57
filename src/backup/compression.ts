import * as zlib from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Compression } from './backup-header';
import { BackupRefusedError } from './backup.errors';

/** In Node.js from 22.15 on; the types are those of the oldest version that we run on. */
interface Zstd {
  createZstdCompress?: () => Transform;
  createZstdDecompress?: () => Transform;
}
const zstd = zlib as unknown as Zstd;

/** What Node's gzip writes at the front: no name, no comment, no second header. */
const GZIP_HEAD_BYTES = 10;
/** CRC-32 and length at the end of a member. */
const GZIP_TAIL_BYTES = 8;

/** zstd packs faster and smaller; gzip is everywhere. */
export function bestCompression(): Compression {
  return zstd.createZstdCompress === undefined ? 'gzip' : 'zstd';
}

export function createPacker(compression: Compression): Transform {
  // Level 1: the copy must not take the processor from those who work; databases shrink nearly as much.
  if (compression === 'gzip') return zlib.createGzip({ level: 1, chunkSize: 64 * 1024 });
  if (zstd.createZstdCompress === undefined) throw new BackupRefusedError('backup_compression_unknown');
  return zstd.createZstdCompress();
}

/** The content of what was packed. @throws BackupRefusedError for what is damaged, and for anything behind the first member */
export async function* unpacked(source: AsyncIterable<Buffer>, compression: Compression): AsyncGenerator<Buffer> {
  if (compression === 'zstd') {
    if (zstd.createZstdDecompress === undefined) throw new BackupRefusedError('backup_compression_unknown');
    yield* through(zstd.createZstdDecompress(), source);
    return;
  }
  yield* gunzipped(source);
}

/**
 * One gzip member, exactly: Node's own gunzip would read a second one as well, and pass over what follows the last. So the
 * frame is read here, and what is inside is inflated.
 */
async function* gunzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const inflate = zlib.createInflateRaw({ chunkSize: 64 * 1024 });
  let received = 0;
  let head: Buffer = Buffer.alloc(0);
  async function* deflated(): AsyncGenerator<Buffer> {
    for await (const data of source) {
      received += data.length;
      if (head.length >= GZIP_HEAD_BYTES) {
        yield data;
        continue;
      }
      head = Buffer.concat([head, data]);
      if (head.length < GZIP_HEAD_BYTES) continue;
      if (head[0] !== 0x1f || head[1] !== 0x8b || head[2] !== 8 || head[3] !== 0) {
        throw new BackupRefusedError('backup_corrupt', 'its content is not packed as it says');
      }
      yield head.subarray(GZIP_HEAD_BYTES);
    }
  }
  yield* through(inflate, deflated());
  const behind = received - GZIP_HEAD_BYTES - inflate.bytesWritten;
  if (behind > GZIP_TAIL_BYTES) throw new BackupRefusedError('backup_trailing_data', 'a second member, or rubbish');
  if (behind < GZIP_TAIL_BYTES) throw new BackupRefusedError('backup_truncated');
}

async function* through(transform: Transform, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const fed = feed(transform, source);
  // Who stops reading is not told of it any more.
  fed.catch(() => undefined);
  try {
    for await (const data of transform) yield data as Buffer;
    await fed;
  } catch (error) {
    // What the source has failed of comes first.
    await fed;
    const { code } = error as { code?: unknown };
    if (code === 'Z_BUF_ERROR') throw new BackupRefusedError('backup_truncated', undefined, error);
    if (typeof code === 'string' && code.startsWith('Z')) {
      throw new BackupRefusedError('backup_corrupt', undefined, error);
    }
    throw error;
  } finally {
    transform.destroy();
  }
}

/** Writes a source into a transform as fast as that takes it; the source's own failure is what `through` tells. */
async function feed(transform: Transform, source: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const data of source) {
      if (transform.destroyed || transform.readableEnded) continue;
      if (!transform.write(data)) {
        await new Promise<void>((resolve) => {
          const done = () => {
            for (const event of ['drain', 'close', 'error', 'end']) transform.off(event, done);
            resolve();
          };
          for (const event of ['drain', 'close', 'error', 'end']) transform.on(event, done);
        });
      }
    }
    transform.end();
  } catch (error) {
    transform.destroy(error as Error);
    throw error;
  }
}
