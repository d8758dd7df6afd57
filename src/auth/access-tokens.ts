import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { SecretKeys } from '../config/secret-keys';
import { Settings } from '../settings/settings';

/** What is in an access token; the role is not: it is read anew on each request. */
export interface AccessClaims {
  /** User id. */
  sub: string;
  /** Session id. */
  sid: string;
  /** Keeps tokens made for another use from passing as access tokens. */
  use: 'access';
  /** Seconds since the epoch (RFC 7519): the end, and the beginning. */
  exp: number;
  nbf: number;
}

/** One pinned algorithm; a token that names another is refused. */
export const TOKEN_ALGORITHM = 'HS256';
export const TOKEN_ISSUER = 'mcps-one';
export const TOKEN_AUDIENCE = 'mcps-one:api';

/** Makes access tokens (RFC 7519), signed with a key derived from SECRET_KEY. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly jwt: JwtService,
    private readonly keys: SecretKeys,
    private readonly settings: Settings,
  ) {}

  /** Life of a token that is issued now, in seconds. */
  get lifetimeSeconds(): number {
    return this.settings.get('auth.accessTokenMinutes') * 60;
  }

  issue(userId: string, sessionId: string): Promise<string> {
    const claims: Omit<AccessClaims, 'exp' | 'nbf'> = { sub: userId, sid: sessionId, use: 'access' };
    return this.jwt.signAsync(claims, {
      secret: this.keys.accessTokens,
      algorithm: TOKEN_ALGORITHM,
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
      expiresIn: this.lifetimeSeconds,
      notBefore: 0,
    });
  }
}
