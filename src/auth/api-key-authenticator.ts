import { timingSafeEqual } from 'node:crypto';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
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
/** Authorization headers remembered at once; all go when there are more. */
const MAX_HEADERS = 1_000;
/** One with more characters has white space to spare, and costs a hash. */
const MAX_HEADER_LENGTH = 100;

interface Known {
  principal: Principal;
  /** Epoch milliseconds; infinite: never. */
  expiresAt: number;
  /** Monotonic milliseconds. */
  loadedAt: number;
}

/**
 * Turns an API key into a principal. A known one costs a hash and a look into a map, or the look alone where the very same
 * header has come a moment ago; a revocation empties the maps at once, also of what is being read from the database at that
 * moment.
 */
@Injectable()
export class ApiKeyAuthenticator implements OnModuleDestroy {
  private readonly known = new Map<string, Known>();
  /**
   * Whole headers, so that no hash is needed for each request. They hold keys in plain text, as the requests of the last
   * moments do anyway; none is kept longer than it would be trusted.
   */
  private readonly headers = new Map<string, Known>();
  private sweeping: NodeJS.Timeout | null = null;
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
      this.headers.clear();
    });
  }

  onModuleDestroy(): void {
    if (this.sweeping) clearTimeout(this.sweeping);
  }

  /** The same as `recall` for an Authorization header that has been `recognise`d; null: it has not, or not any more. */
  recallHeader(header: string): Principal | null {
    const known = this.headers.get(header);
    return known === undefined || !this.isTrusted(known) ? null : this.admit(known);
  }

  /** The principal of a key that is known by now, and from now on that of the header that it came in; else null. */
  recognise(header: string, text: string): Principal | null {
    const known = this.remembered(apiKeyHash(text));
    if (known === null) return null;
    if (header.length > MAX_HEADER_LENGTH) return this.admit(known);
    if (this.headers.size >= MAX_HEADERS) this.headers.clear();
    this.headers.set(header, known);
    this.sweeping ??= setTimeout(() => {
      this.sweeping = null;
      this.headers.clear();
    }, TRUST_MS).unref();
    return this.admit(known);
  }

  /** The principal of a key that is known by now; else null. */
  recall(text: string): Principal | null {
    // Only keys of the right shape are ever remembered.
    const known = this.remembered(apiKeyHash(text));
    return known === null ? null : this.admit(known);
  }

  /** @throws UnauthenticatedError */
  async authenticate(text: string): Promise<Principal> {
    if (!isApiKeyText(text)) throw new UnauthenticatedError();
    const hash = apiKeyHash(text);
    const known = this.remembered(hash) ?? (await this.load(hash));
    const principal = known === null ? null : this.admit(known);
    if (principal === null) throw new UnauthenticatedError();
    return principal;
  }

  /** Null: the key has expired. */
  private admit({ principal, expiresAt }: Known): Principal | null {
    const now = this.clock.now();
    if (expiresAt <= now) return null;
    this.usage.note(principal.id, now);
    return principal;
  }

  private isTrusted({ loadedAt }: Known): boolean {
    return this.clock.monotonic() - loadedAt < TRUST_MS;
  }

  /** Looked up by a hash, whose shape tells nothing of the keys that are near it: no comparison to be timed. */
  private remembered(hash: string): Known | null {
    const known = this.known.get(hash);
    return known !== undefined && this.isTrusted(known) ? known : null;
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
