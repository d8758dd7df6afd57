import { hash, randomBytes } from 'node:crypto';

const SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** A new refresh token: 256 random bits that say nothing by themselves. */
export function newRefreshToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether a text can be a refresh token of ours at all. */
export function isRefreshTokenText(text: string): boolean {
  return SHAPE.test(text);
}

/** What is stored of a refresh token. */
export function refreshTokenHash(text: string): string {
  return hash('sha256', text, 'hex');
}
