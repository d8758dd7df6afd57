import { createSecretKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Clock } from '../common/clock';
import { SecretKeys } from '../config/secret-keys';
import { type AccessClaims, TOKEN_ALGORITHM, TOKEN_AUDIENCE, TOKEN_ISSUER } from './access-tokens';
import { type Principal, principalOf } from './principal';
import { SessionRepository } from './session.repository';
import { UserRepository } from './user.repository';

/** Turns an access token into a principal: the signature alone is not enough, the session and the user must still stand. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    keys: SecretKeys,
    private readonly users: UserRepository,
    private readonly sessions: SessionRepository,
    private readonly clock: Clock,
  ) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      // From bytes, each check would first try whether they are a public key: 0.4 ms of CPU for an exception. The library
      // takes key objects, its types don't know it.
      secretOrKey: createSecretKey(keys.accessTokens) as unknown as Buffer,
      algorithms: [TOKEN_ALGORITHM],
      issuer: TOKEN_ISSUER,
      audience: TOKEN_AUDIENCE,
    });
  }

  /** Called with a payload whose signature, issuer, audience and times are right. False: refused. */
  async validate(claims: Partial<AccessClaims>): Promise<Principal | false> {
    if (claims.use !== 'access' || typeof claims.sid !== 'string') return false;
    // The library checks the times that are there; a token without them would live for ever.
    if (typeof claims.exp !== 'number' || typeof claims.nbf !== 'number') return false;
    const session = await this.sessions.findLive(claims.sid, this.clock.now());
    if (session === null || session.userId !== claims.sub) return false;
    const user = await this.users.findById(session.userId);
    if (user === null || user.disabled) return false;
    return principalOf(user, session.id, claims.exp * 1000);
  }
}
