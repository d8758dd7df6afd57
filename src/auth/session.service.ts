import { Injectable } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock, toTimestamp } from '../common/clock';
import { isId, newId } from '../common/ids';
import { Transactions, type Tx } from '../database/transactions';
import type { SessionPageView } from './auth.dto';
import { SessionNotFoundError } from './auth.errors';
import type { Client } from './client';
import type { Principal } from './principal';
import { PrincipalRevocations } from './principal-revocations';
import { newRefreshToken, refreshTokenHash } from './refresh-token-text';
import { RefreshToken } from './refresh-token.entity';
import { Session } from './session.entity';
import { SessionRepository } from './session.repository';

/** A login lasts this long at most, in milliseconds (ASVS 7.3). */
export const SESSION_LIFETIME_MS = 30 * 24 * 3600_000;
/** A login that is not refreshed for so long is over, in milliseconds. */
export const SESSION_IDLE_MS = 7 * 24 * 3600_000;

/** Logins as their owners see them: opened, listed, ended. */
@Injectable()
export class SessionService {
  constructor(
    private readonly sessions: SessionRepository,
    private readonly revocations: PrincipalRevocations,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** Opens a session, with its first refresh token, and forgets those that are over. */
  async open(userId: string, client: Client, tx: Tx): Promise<{ session: Session; refreshToken: string }> {
    const now = this.clock.now();
    const session = Object.assign(new Session(), {
      id: newId(),
      userId,
      createdAt: now,
      lastUsedAt: now,
      expiresAt: now + SESSION_LIFETIME_MS,
      ...client,
    });
    const refreshToken = newRefreshToken();
    const hash = refreshTokenHash(refreshToken);
    await this.sessions.forgetEnded(now, now - SESSION_IDLE_MS, tx);
    await this.sessions.open(session, tx);
    const first = Object.assign(new RefreshToken(), { hash, sessionId: session.id, generation: 1, usedAt: null });
    await this.sessions.addToken(first, tx);
    return { session, refreshToken };
  }

  /** The caller's own, newest first. */
  async list(principal: Principal): Promise<SessionPageView> {
    const now = this.clock.now();
    const sessions = await this.sessions.listLive(principal.id, now, now - SESSION_IDLE_MS);
    const items = sessions.map(({ id, createdAt, lastUsedAt, ip, userAgent }) => ({
      id,
      createdAt: toTimestamp(createdAt),
      lastUsedAt: toTimestamp(lastUsedAt),
      ip,
      userAgent,
      current: id === principal.sessionId,
    }));
    return { items, nextCursor: null, total: items.length };
  }

  /** Ends one of the caller's own sessions; its tokens are worth nothing from then on. @throws SessionNotFoundError */
  async end(principal: Principal, id: string): Promise<void> {
    if (!isId(id)) throw new SessionNotFoundError();
    const target = { type: 'session', id, name: principal.name };
    const ended = await this.transactions.run(async (tx) => {
      if (!(await this.sessions.end(principal.id, id, tx))) return false;
      await this.operations.append({ action: 'auth.logout', outcome: 'success', status: 204, target }, tx);
      return true;
    });
    if (!ended) throw new SessionNotFoundError();
    this.revocations.announce([{ type: 'session', id }]);
  }
}
