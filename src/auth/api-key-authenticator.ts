import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import type { ApiKey } from './api-key.entity';
import { apiKeyHash, isApiKeyText } from './api-key-text';
import { ApiKeyUsage } from './api-key-usage';
import { ApiKeyRepository } from './api-key.repository';
import { UnauthenticatedError } from './auth.errors';
import { type Principal, principalOfKey } from './principal';
import { PrincipalRevocations } from './principal-revocations';

/** A key is looked up anew after this time even if nobody has said that it changed. */
const TRUST_MS = 30_000;
/** Keys remembered at once; the oldest go first. */
const MAX_KEYS = 10_000;

interface Known {
  principal: Principal;
  /** Epoch milliseconds; infinite: never. */
  expiresAt: number;
  /** Monotonic milliseconds. */
  loadedAt: number;
}

/**
 * Turns an API key into a principal. A known one costs a hash and a look into a map; a revocation empties the map at once,
 * also of what is being read from the database at that moment.
 */
@Injectable()
export class ApiKeyAuthenticator {
  private readonly known = new Map<string, Known>();
  private revocations = 0;

  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly usage: ApiKeyUsage,
    private readonly clock: Clock,
    revocations: PrincipalRevocations,
  ) {
    revocations.onRevoked(({ type }) => {
      if (type !== 'apiKey') return;
      this.revocations++;
      this.known.clear();
    });
  }

  /** The principal of a key that is known by now; else null. */
  recall(text: string): Principal | null {
    // Only keys of the right shape are ever remembered.
    const known = this.remembered(apiKeyHash(text));
    if (known === null || known.expiresAt <= this.clock.now()) return null;
    this.usage.note(known.principal.id);
    return known.principal;
  }

  /** @throws UnauthenticatedError */
  async authenticate(text: string): Promise<Principal> {
    if (!isApiKeyText(text)) throw new UnauthenticatedError();
    const hash = apiKeyHash(text);
    const known = this.remembered(hash) ?? (await this.load(hash));
    if (known === null || known.expiresAt <= this.clock.now()) throw new UnauthenticatedError();
    this.usage.note(known.principal.id);
    return known.principal;
  }

  /** Looked up by a hash, whose shape tells nothing of the keys that are near it: no comparison to be timed. */
  private remembered(hash: string): Known | null {
    const known = this.known.get(hash);
    return known !== undefined && this.clock.monotonic() - known.loadedAt < TRUST_MS ? known : null;
  }

  private async load(hash: string): Promise<Known | null> {
    const revocations = this.revocations;
    const key = await this.keys.findByHash(hash);
    if (key === null || !timingSafeEqual(Buffer.from(key.hash), Buffer.from(hash))) return null;
    const known = toKnown(key, this.clock.monotonic());
    // Revoked while it was read: good for this request, which came before, and for no other.
    if (revocations === this.revocations) this.remember(hash, known);
    return known;
  }

  private remember(hash: string, known: Known): void {
    this.known.delete(hash);
    this.known.set(hash, known);
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KEYS && oldest !== undefined) this.known.delete(oldest);
  }
}

function toKnown(key: ApiKey, loadedAt: number): Known {
  return { principal: principalOfKey(key), expiresAt: key.expiresAt ?? Infinity, loadedAt };
}
