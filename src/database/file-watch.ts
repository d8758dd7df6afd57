import { stat } from 'node:fs/promises';

export type DamageKind = 'deleted' | 'replaced' | 'truncated';

/** What somebody has done to a file that we have open. */
export interface FileDamage {
  file: string;
  what: DamageKind;
}

export interface WatchedFile {
  path: string;
  /** What its size may do by our own doing: only grow, also shrink (a vacuum) but never to nothing, or anything. */
  size: 'grows' | 'shrinks' | 'any';
}

interface Identity {
  device: number;
  inode: number;
  size: number;
}

/** Smaller than the header of a SQLite database. */
const EMPTY_BYTES = 100;

/**
 * Sees what SQLite does not: that the file it has open is not the one under that name any more. What is written from then
 * on would be gone at the next start. By `stat` alone: to open and close the file would free the locks that SQLite has on it.
 */
export class FileWatch {
  private known: Map<string, Identity> | null = null;

  constructor(private readonly files: readonly WatchedFile[]) {}

  /** Compares with what was there at the first look. Rejects where the disk can't tell. */
  async look(): Promise<FileDamage | null> {
    const isFirst = this.known === null;
    const known = (this.known ??= new Map<string, Identity>());
    // All at once: we are woken once for their answers, every few seconds.
    const identities = await Promise.all(this.files.map(({ path }) => identityOf(path)));
    for (const [index, { path, size }] of this.files.entries()) {
      const found = identities[index] ?? null;
      const before = known.get(path);
      if (found === null) {
        // Not made yet, or gone.
        if (!isFirst && before !== undefined) return { file: path, what: 'deleted' };
        continue;
      }
      if (before !== undefined) {
        if (before.inode !== found.inode || before.device !== found.device) return { file: path, what: 'replaced' };
        if (isCut(size, before.size, found.size)) return { file: path, what: 'truncated' };
      }
      known.set(path, found);
    }
    return null;
  }

  /** The files may be others from now on: the next look is a first one. */
  forget(): void {
    this.known = null;
  }
}

function isCut(may: WatchedFile['size'], before: number, now: number): boolean {
  if (may === 'any') return false;
  return may === 'grows' ? now < before : now < EMPTY_BYTES && before >= EMPTY_BYTES;
}

async function identityOf(path: string): Promise<Identity | null> {
  try {
    const { dev, ino, size } = await stat(path);
    return { device: dev, inode: ino, size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
