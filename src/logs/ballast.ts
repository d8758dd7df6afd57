import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const BALLAST_BYTES = 16 * 1024 * 1024;
const PIECE = Buffer.alloc(1024 * 1024);
/** It is only taken where so many times as much is free. */
const ROOM = 8;

/**
 * A file of nothing beside a database, thrown off when the disk is full: deleting rows needs room for the write-ahead log
 * first, so without it retention could not help where it is needed most.
 */
export class Ballast {
  constructor(
    private readonly file: string,
    private readonly bytes = BALLAST_BYTES,
  ) {}

  /** Takes it on (again) if there is room for it. Never throws. */
  hold(): void {
    try {
      if (statSync(this.file, { throwIfNoEntry: false })?.size === this.bytes) return;
      const { bavail, bsize } = statfsSync(dirname(this.file));
      if (bavail * bsize < ROOM * this.bytes) return;
      this.write();
    } catch {
      this.release();
    }
  }

  /** Throws it off; false: there was none. Never throws. */
  release(): boolean {
    try {
      const size = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
      rmSync(this.file, { force: true });
      return size > 0;
    } catch {
      return false;
    }
  }

  private write(): void {
    const descriptor = openSync(this.file, 'w', 0o600);
    try {
      for (let written = 0; written < this.bytes;) {
        written += writeSync(descriptor, PIECE, 0, Math.min(PIECE.length, this.bytes - written));
      }
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }
}
