import type { IncomingHttpHeaders } from 'node:http';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Clock } from '../common/clock';
import { SecretKeys } from '../config/secret-keys';
import { type AccessClaims, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from './access-tokens';
import { ApiKeyAuthenticator } from './api-key-authenticator';
import { apiKeyHash } from './api-key-text';
import { PasswordChangeRequiredError, UnauthenticatedError } from './auth.errors';
import { JwtStrategy } from './jwt.strategy';
import type { Principal } from './principal';
import { PrincipalRevocations } from './principal-revocations';
import { apiKeyIn } from './request-credentials';

/** An access token is looked at anew after this time even if nobody has said that anything changed. */
const TRUST_MS = 5_000;
const MAX_TOKENS = 1_000;
const BEARER = /^bearer +(\S+) *$/i;

interface Known {
  principal: Principal;
  /** Epoch seconds. */
  expiresAt: number;
  /** Monotonic milliseconds. */
  checkedAt: number;
}

/**
 * Who sent a request that does not come through the framework's guards: by an API key or an access token, with the same
 * verdict as theirs. Who was known a moment ago is known without waiting.
 */
@Injectable()
export class RequestAuthenticator {
  /** By the hash of the token: no token is kept. */
  private readonly tokens = new Map<string, Known>();
  private readonly secret: KeyObject;
  private revocations = 0;

  constructor(
    private readonly keys: ApiKeyAuthenticator,
    private readonly jwt: JwtService,
    private readonly strategy: JwtStrategy,
    private readonly clock: Clock,
    secrets: SecretKeys,
    revoked: PrincipalRevocations,
  ) {
    this.secret = createSecretKey(secrets.accessTokens);
    revoked.onRevoked(({ type }) => {
      if (type === 'apiKey') return;
      this.revocations++;
      this.tokens.clear();
    });
  }

  /** The principal, if that is known without asking the database; else null. */
  recall(headers: IncomingHttpHeaders): Principal | null {
    const { authorization } = headers;
    if (authorization !== undefined) {
      const known = this.keys.recallHeader(authorization);
      if (known !== null) return known;
    }
    const key = apiKeyIn(headers);
    if (key !== null)
      return authorization === undefined ? this.keys.recall(key) : this.keys.recognise(authorization, key);
    const token = tokenIn(headers);
    const known = token === null ? undefined : this.tokens.get(apiKeyHash(token));
    if (known === undefined || this.clock.monotonic() - known.checkedAt > TRUST_MS) return null;
    return known.expiresAt * 1000 > this.clock.now() ? known.principal : null;
  }

  /** @throws UnauthenticatedError, PasswordChangeRequiredError */
  async authenticate(headers: IncomingHttpHeaders): Promise<Principal> {
    const key = apiKeyIn(headers);
    if (key !== null) return this.keys.authenticate(key);
    const token = tokenIn(headers);
    if (token === null) throw new UnauthenticatedError();
    return this.check(token);
  }

  private async check(token: string): Promise<Principal> {
    const { revocations } = this;
    const claims = await this.claimsOf(token);
    const principal = claims === null ? false : await this.strategy.validate(claims);
    if (principal === false || claims?.exp === undefined) throw new UnauthenticatedError();
    if (principal.mustChangePassword) throw new PasswordChangeRequiredError();
    if (revocations === this.revocations) {
      this.remember(apiKeyHash(token), { principal, expiresAt: claims.exp, checkedAt: this.clock.monotonic() });
    }
    return principal;
  }

  private async claimsOf(token: string): Promise<Partial<AccessClaims> | null> {
    try {
      return await this.jwt.verifyAsync<Partial<AccessClaims>>(token, {
        // The library takes key objects, its types don't know it.
        secret: this.secret as unknown as Buffer,
        algorithms: [TOKEN_ALGORITHM],
        issuer: TOKEN_ISSUER,
        audience: TOKEN_AUDIENCE,
      });
    } catch {
      return null;
    }
  }

  private remember(hash: string, known: Known): void {
    this.tokens.delete(hash);
    this.tokens.set(hash, known);
    const [oldest] = this.tokens.keys();
    if (this.tokens.size > MAX_TOKENS && oldest !== undefined) this.tokens.delete(oldest);
  }
}

function tokenIn({ authorization }: IncomingHttpHeaders): string | null {
  return authorization === undefined ? null : (BEARER.exec(authorization)?.[1] ?? null);
}
