import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** By which people, log filters and scanners of leaked secrets know a key. */
export const KEY_MARK = 'mcps_';

const SECRET_BYTES = 32;
/** `mcps_`, 43 characters of secret, 6 of checksum. */
const SHAPE = /^mcps_[A-Za-z0-9_-]{49}$/;
const SECRET_END = KEY_MARK.length + 43;
const PREFIX_LENGTH = KEY_MARK.length + 8;

/** A new key: 256 random bits, and a checksum that tells mistyped and made-up keys without a look into the database. */
export function newApiKey(): string {
  const body = KEY_MARK + randomBytes(SECRET_BYTES).toString('base64url');
  return body + checksumOf(body);
}

/** Whether a text can be a key of ours at all. */
export function isApiKeyText(text: string): boolean {
  return SHAPE.test(text) && checksumOf(text.slice(0, SECRET_END)) === text.slice(SECRET_END);
}

/** What is stored of a key. */
export function apiKeyHash(text: string): string {
  return hash('sha256', text, 'hex');
}

/** What is shown of a key: 48 of its 256 bits. */
export function apiKeyPrefix(text: string): string {
  return text.slice(0, PREFIX_LENGTH);
}

function checksumOf(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64url');
}
