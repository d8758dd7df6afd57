import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Clock } from '../common/clock';
import { AppConfig } from '../config/app-config';
import { AccessTokens } from './access-tokens';
import { toPrincipalView, type TokenView } from './auth.dto';
import { principalOf } from './principal';
import { expiredRefreshCookie, refreshCookie, refreshTokenIn } from './refresh-cookie';
import type { Renewal } from './refresh.service';
import { SESSION_IDLE_MS } from './session.service';

/** What a login and a refresh answer: the access token in the body, the refresh token in a cookie that no script can read. */
@Injectable()
export class LoginAnswer {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly config: AppConfig,
    private readonly clock: Clock,
  ) {}

  async give(reply: FastifyReply, { user, session, refreshToken }: Renewal): Promise<TokenView> {
    const lifeMs = Math.min(SESSION_IDLE_MS, session.expiresAt - this.clock.now());
    const maxAge = Math.floor(lifeMs / 1000);
    void reply.header('set-cookie', refreshCookie(refreshToken, { ...this.attributes(reply.request), maxAge }));
    return {
      accessToken: await this.tokens.issue(user.id, session.id),
      tokenType: 'Bearer',
      expiresIn: this.tokens.lifetimeSeconds,
      user: toPrincipalView(principalOf(user, session.id, null)),
    };
  }

  refreshTokenOf(request: FastifyRequest): string | undefined {
    return refreshTokenIn(request.headers.cookie);
  }

  takeBack(reply: FastifyReply): void {
    void reply.header('set-cookie', expiredRefreshCookie(this.attributes(reply.request)));
  }

  private attributes(request: FastifyRequest) {
    return { path: `${this.config.apiPrefix}/auth`, secure: request.protocol === 'https' };
  }
}
