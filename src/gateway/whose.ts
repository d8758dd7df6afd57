import type { Principal } from '../auth/principal';
import type { Revocation } from '../auth/principal-revocations';

/** Whether a principal is the one whose right has ended. */
export function isMeant({ type, id }: Revocation, principal: Principal): boolean {
  return type === 'session' ? principal.sessionId === id : principal.type === type && principal.id === id;
}

/** Whether the credential that a principal came with is over. */
export function isExpired({ expiresAt }: Principal, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}
