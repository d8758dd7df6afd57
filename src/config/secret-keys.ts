import { createHash, createHmac, hkdfSync } from 'node:crypto';
import type { AppConfig } from './app-config';
import { SecretKeyFile } from './secret-key-file';

/**
 * The keys of this installation, each derived from SECRET_KEY for one purpose (HKDF-SHA256, RFC 5869): a key that leaks
 * from one use opens no other, and SECRET_KEY itself signs or encrypts nothing.
 */
export class SecretKeys {
  /** Names the master key without telling anything of it; stored beside what it encrypts. */
  readonly keyId: string;
  /** By which a database knows the key that it belongs to: 256 bits, from which no key can be found. */
  readonly checkValue: string;
  readonly accessTokens: Buffer;
  readonly secretsAtRest: Buffer;
  readonly operationChain: Buffer;
  /** Signs and encrypts backup files; each file gets a key of its own from it. */
  readonly backups: Buffer;
  /** Seals former master keys, so that older backups can still be read. */
  readonly keyRing: Buffer;

  /** `origin`: where the master key comes from, for messages. */
  constructor(
    master: string,
    readonly origin = 'SECRET_KEY',
  ) {
    const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', master, 'mcps-one', purpose, 32));
    this.keyId = createHash('sha256').update(derive('key-id/v1')).digest('hex').slice(0, 8);
    this.checkValue = createHmac('sha256', derive('key-check/v1')).update('mcps-one').digest('hex');
    this.accessTokens = derive('access-tokens/v1');
    this.secretsAtRest = derive('secrets-at-rest/v1');
    this.operationChain = derive('operation-chain/v1');
    this.backups = derive('backups/v1');
    this.keyRing = derive('key-ring/v1');
  }

  /** From SECRET_KEY, else from DATA_DIR/secret-key, which is made (mode 0600) at the first start. */
  static load(config: AppConfig): SecretKeys {
    if (config.secretKey !== null) return new SecretKeys(config.secretKey);
    const file = new SecretKeyFile(config.dataDir);
    return new SecretKeys(file.readOrMake(), file.path);
  }
}
