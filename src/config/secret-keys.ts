import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppConfig } from './app-config';

/**
 * The keys of this installation, each derived from SECRET_KEY for one purpose (HKDF-SHA256, RFC 5869): a key that leaks
 * from one use opens no other, and SECRET_KEY itself signs or encrypts nothing.
 */
export class SecretKeys {
  /** Names the master key without telling anything of it; stored beside what it encrypts. */
  readonly keyId: string;
  readonly accessTokens: Buffer;
  readonly secretsAtRest: Buffer;
  readonly operationChain: Buffer;

  constructor(master: string) {
    const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', master, 'mcps-one', purpose, 32));
    this.keyId = createHash('sha256').update(derive('key-id/v1')).digest('hex').slice(0, 8);
    this.accessTokens = derive('access-tokens/v1');
    this.secretsAtRest = derive('secrets-at-rest/v1');
    this.operationChain = derive('operation-chain/v1');
  }

  /** From SECRET_KEY, else from DATA_DIR/secret-key, which is made (mode 0600) at the first start. */
  static load(config: AppConfig): SecretKeys {
    return new SecretKeys(config.secretKey ?? readOrMakeKey(config.dataDir));
  }
}

function readOrMakeKey(dataDir: string): string {
  const file = join(dataDir, 'secret-key');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) {
    // Written whole under another name first: a kill in between leaves no half key. `link` fails if the file is there, so
    // two first starts at once can't overwrite each other's key.
    const draft = `${file}.${process.pid}.tmp`;
    writeFileSync(draft, randomBytes(48).toString('base64url') + '\n', { mode: 0o600, flush: true });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  const key = readFileSync(file, 'utf8').trim();
  if (key.length < 32) throw new Error(`${file} is damaged: restore it, or set SECRET_KEY to the key that was in it`);
  return key;
}
