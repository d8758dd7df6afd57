import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * DATA_DIR/secret-key: the generated SECRET_KEY of an installation that was given none (mode 0600). During a rotation the
 * coming key waits beside it in `secret-key.new`; the one of before stays in `secret-key.old`.
 */
export class SecretKeyFile {
  readonly path: string;
  readonly nextPath: string;
  readonly formerPath: string;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'secret-key');
    this.nextPath = `${this.path}.new`;
    this.formerPath = `${this.path}.old`;
  }

  /** The key, made now if there is none. */
  readOrMake(): string {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    if (!existsSync(this.path)) this.make();
    return readKey(this.path);
  }

  /** The key, or null where none was ever generated. */
  find(): string | null {
    return existsSync(this.path) ? readKey(this.path) : null;
  }

  /** The key of a rotation that was begun, or null. */
  findNext(): string | null {
    return existsSync(this.nextPath) ? readKey(this.nextPath) : null;
  }

  /** The key that was in force before the present one, or null. */
  findFormer(): string | null {
    return existsSync(this.formerPath) ? readKey(this.formerPath) : null;
  }

  /** Puts a new key beside the one that holds, safely on the disk before anything is sealed with it. */
  prepareNext(): string {
    rmSync(this.nextPath, { force: true });
    const key = newKey();
    writeFileSync(this.nextPath, `${key}\n`, { mode: 0o600, flush: true });
    syncFolder(this.path);
    return key;
  }

  /** Makes the prepared key the one that holds. At every moment of it each key is in one of the three files. */
  promoteNext(): void {
    rmSync(this.formerPath, { force: true });
    linkSync(this.path, this.formerPath);
    renameSync(this.nextPath, this.path);
    syncFolder(this.path);
  }

  private make(): void {
    // Written whole under another name first: a kill in between leaves no half key. `link` fails if the file is there, so
    // two first starts at once can't overwrite each other's key.
    const draft = `${this.path}.${process.pid}.tmp`;
    writeFileSync(draft, `${newKey()}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(draft, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
}

/** A master key: 384 random bits. */
export function newKey(): string {
  return randomBytes(48).toString('base64url');
}

function readKey(file: string): string {
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < 32) throw new Error(`${file} is damaged: restore it, or set SECRET_KEY to the key that was in it`);
  return key;
}

/** A name that was given survives a loss of power only once its folder is written, too (not on Windows). */
function syncFolder(file: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
