import type { Principal } from '../auth/principal';
import type { Revocation } from '../auth/principal-revocations';

/** Longer than a request waits between its authentication and its stream. */
const REMEMBERED_MS = 60_000;

export function concerns({ type, id }: Revocation, principal: Principal): boolean {
  return type === 'session' ? principal.sessionId === id : principal.type === type && principal.id === id;
}

/**
 * What was revoked a moment ago: a request that was let in before, and whose stream opens after, has missed it. A request
 * that came later was let in by what holds since.
 */
export class RecentRevocations {
  private recent: { revocation: Revocation; at: number }[] = [];

  constructor(private readonly monotonic: () => number) {}

  note(revocation: Revocation): void {
    const now = this.monotonic();
    this.recent = this.recent.filter(({ at }) => now - at < REMEMBERED_MS);
    this.recent.push({ revocation, at: now });
  }

  /** `since`: when the request came, in monotonic milliseconds. */
  has(principal: Principal, since: number): boolean {
    return this.recent.some(({ revocation, at }) => at >= since && concerns(revocation, principal));
  }
}
