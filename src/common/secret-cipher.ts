import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { SecretKeys } from '../config/secret-keys';
import { DomainError } from './domain-error';

/** A stored secret can't be opened: another SECRET_KEY, or it was tampered with. */
export class SecretUnreadableError extends DomainError {
  constructor(readonly keyId: string | null) {
    super(
      'conflict',
      'secret_unreadable',
      keyId === null
        ? 'A stored secret is damaged'
        : `A stored secret was sealed with another SECRET_KEY (key id ${keyId}); start with that key`,
    );
  }
}

/**
 * Secrets at rest: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. The envelope `v1.<key id>.<nonce>.<sealed>`
 * is bound to its place (`context`, as additional data): a sealed value copied into another row or field does not open.
 */
@Injectable()
export class SecretCipher {
  constructor(private readonly keys: SecretKeys) {}

  seal(plain: string, context: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.keys.secretsAtRest, nonce).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${this.keys.keyId}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
  }

  /** @throws SecretUnreadableError */
  open(envelope: string, context: string): string {
    const [version, keyId, nonce, sealed] = envelope.split('.');
    if (version !== 'v1' || !keyId || !nonce || !sealed) throw new SecretUnreadableError(null);
    if (keyId !== this.keys.keyId) throw new SecretUnreadableError(keyId);
    const bytes = Buffer.from(sealed, 'base64url');
    try {
      // Without its length Node would take a tag cut to four bytes, too.
      const decipher = createDecipheriv('aes-256-gcm', this.keys.secretsAtRest, Buffer.from(nonce, 'base64url'), {
        authTagLength: 16,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(-16));
      return decipher.update(bytes.subarray(0, -16), undefined, 'utf8') + decipher.final('utf8');
    } catch {
      throw new SecretUnreadableError(null);
    }
  }
}
