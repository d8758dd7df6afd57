import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Semaphore } from '../common/semaphore';
// The package only types its enum as a const enum, which isolated modules cannot read: 2 is Argon2id.
import { hash, verify } from '@node-rs/argon2';

const ARGON2ID = 2;
/** OWASP ASVS 5.0 appendix C and more: 64 MiB, 3 passes. */
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 65_536, timeCost: 3, parallelism: 1 };
const { memoryCost, timeCost, parallelism } = PARAMETERS;
/** How hashes made with these parameters begin (PHC string format). */
const CURRENT = `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$`;
/** Each hash takes 64 MiB and a core: more than this at once would be a way to hurt us. */
const PARALLEL = 4;

/** Passwords are stored as argon2id (RFC 9106) and nothing else. */
@Injectable()
export class PasswordHasher {
  private readonly slots = new Semaphore(PARALLEL);
  /** Has the shape of a hash, costs as much to check, and fits no password that anybody could know. */
  private readonly standIn = `${CURRENT}${phcBase64(randomBytes(16))}$${phcBase64(randomBytes(32))}`;

  hash(password: string): Promise<string> {
    return this.slots.run(() => hash(password, PARAMETERS));
  }

  /** Takes the same time when there is no such user (`stored` null): the answer must not tell which names exist. */
  async verify(stored: string | null, password: string): Promise<boolean> {
    const matches = await this.slots.run(() => verify(stored ?? this.standIn, password).catch(() => false));
    return matches && stored !== null;
  }

  /** Whether a stored hash was made with other parameters than today's: hash the password anew when it is at hand. */
  isOutdated(stored: string): boolean {
    return !stored.startsWith(CURRENT);
  }
}

function phcBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
