import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { AppConfig } from '../config/app-config';
import { SecretKeyFile } from '../config/secret-key-file';
import { SecretKeys } from '../config/secret-keys';
import type { BackupKeys } from './backup-file';
import { writeDurably } from './durable-file';

const FILE = 'key-ring.json';

/** A former SECRET_KEY, sealed by the one that followed it. */
interface RingEntry {
  keyId: string;
  sealedBy: string;
  /** Nonce, sealed key and tag, in base64url. */
  sealed: string;
}

/**
 * The keys that backups of this installation were made under. The newest one is SECRET_KEY; former ones are in
 * BACKUP_DIR/key-ring.json, each sealed by a later one, so that a backup of before a change of keys can be restored by
 * whoever has the present key. Also looked for: SECRET_KEY_OLD, and the generated keys in DATA_DIR.
 */
export class BackupKeyRing {
  private readonly known = new Map<string, SecretKeys>();

  private constructor(readonly current: SecretKeys) {
    this.known.set(current.keyId, current);
  }

  static load(config: AppConfig, current: SecretKeys): BackupKeyRing {
    const ring = new BackupKeyRing(current);
    const file = new SecretKeyFile(config.dataDir);
    const near = [config.formerSecretKey, file.find(), file.findFormer()];
    for (const master of near) if (master !== null) ring.add(new SecretKeys(master));
    ring.openEntries(readEntries(config.backupDir));
    return ring;
  }

  /** What opens and signs the files, by key id. */
  get fileKeys(): BackupKeys {
    return new Map([...this.known].map(([id, keys]) => [id, keys.backups]));
  }

  has(keyId: string): boolean {
    return this.known.has(keyId);
  }

  /** The keys of a database that belongs to another SECRET_KEY than the present one. */
  find(keyId: string): SecretKeys | null {
    return this.known.get(keyId) ?? null;
  }

  private add(keys: SecretKeys): void {
    if (!this.known.has(keys.keyId)) this.known.set(keys.keyId, keys);
  }

  /** One key opens the one before it, and so on: until nothing more opens. */
  private openEntries(entries: readonly RingEntry[]): void {
    for (let found = true; found;) {
      found = false;
      for (const entry of entries) {
        const sealer = this.known.get(entry.sealedBy);
        if (sealer === undefined || this.known.has(entry.keyId)) continue;
        const master = openMaster(entry, sealer);
        if (master === null) continue;
        this.add(new SecretKeys(master));
        found = true;
      }
    }
  }
}

/** Keeps a former SECRET_KEY for the backups that need it, sealed by its successor. Idempotent. */
export async function keepFormerKey(backupDir: string, formerMaster: string, successor: SecretKeys): Promise<void> {
  const former = new SecretKeys(formerMaster);
  const entries = readEntries(backupDir);
  if (former.keyId === successor.keyId) return;
  if (entries.some(({ keyId, sealedBy }) => keyId === former.keyId && sealedBy === successor.keyId)) return;
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', successor.keyRing, nonce).setAAD(Buffer.from(former.keyId));
  const sealed = Buffer.concat([nonce, cipher.update(formerMaster, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const entry: RingEntry = { keyId: former.keyId, sealedBy: successor.keyId, sealed: sealed.toString('base64url') };
  mkdirSync(backupDir, { recursive: true, mode: 0o700 });
  await writeDurably(join(backupDir, FILE), JSON.stringify({ keys: [...entries, entry] }, null, 2));
}

function openMaster({ keyId, sealed }: RingEntry, sealer: SecretKeys): string | null {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < 12 + 16) return null;
  try {
    const decipher = createDecipheriv('aes-256-gcm', sealer.keyRing, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(Buffer.from(keyId)).setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('utf8');
  } catch {
    // Damaged: the backups that need it will say that their key is missing.
    return null;
  }
}

function readEntries(backupDir: string): RingEntry[] {
  const file = join(backupDir, FILE);
  if (!existsSync(file)) return [];
  const { keys } = JSON.parse(readFileSync(file, 'utf8')) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error(`${file} is damaged: restore it, or remove it`);
  return keys as RingEntry[];
}
