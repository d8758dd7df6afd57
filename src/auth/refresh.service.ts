import { Injectable, Logger } from '@nestjs/common';
import { OperationLog } from '../audit/operation-log';
import { Clock } from '../common/clock';
import { noteRefusalRecorded } from '../common/request-context';
import { Transactions, type Tx } from '../database/transactions';
import { RefreshRefusedError } from './auth.errors';
import type { Client } from './client';
import { PrincipalRevocations } from './principal-revocations';
import { isRefreshTokenText, newRefreshToken, refreshTokenHash } from './refresh-token-text';
import { RefreshToken } from './refresh-token.entity';
import type { Session } from './session.entity';
import { SessionRepository } from './session.repository';
import { SESSION_IDLE_MS } from './session.service';
import type { User } from './user.entity';
import { UserRepository } from './user.repository';

/** How long the token that was used last may be used once more by the same client: two tabs that refresh at once. */
const GRACE_MS = 10_000;
/** Generations of used tokens that are kept to be recognised; a month of half-hourly refreshes makes 1,440. */
const KEPT_GENERATIONS = 2_000;

export interface Renewal {
  user: User;
  session: Session;
  refreshToken: string;
}

type Verdict = { kind: 'renewed'; renewal: Renewal } | { kind: 'refused' } | { kind: 'reused'; session: Session };

/**
 * Carries a login on: each refresh token is good for one use and gives the next one (RFC 9700 section 4.14.2). A used one
 * that comes back means that somebody has stolen one, and nobody can say who is the thief: the session ends.
 */
@Injectable()
export class RefreshService {
  private readonly logger = new Logger(RefreshService.name);

  constructor(
    private readonly sessions: SessionRepository,
    private readonly users: UserRepository,
    private readonly revocations: PrincipalRevocations,
    private readonly operations: OperationLog,
    private readonly transactions: Transactions,
    private readonly clock: Clock,
  ) {}

  /** @throws RefreshRefusedError, the same for tokens that are unknown, over or used */
  async refresh(refreshToken: string | undefined, client: Client): Promise<Renewal> {
    if (refreshToken === undefined || !isRefreshTokenText(refreshToken)) throw new RefreshRefusedError();
    const verdict = await this.transactions.run((tx) => this.judge(refreshTokenHash(refreshToken), client, tx));
    if (verdict.kind === 'renewed') return verdict.renewal;
    if (verdict.kind === 'reused') {
      const { id, userId } = verdict.session;
      noteRefusalRecorded();
      this.revocations.announce([{ type: 'session', id }]);
      this.logger.warn('A used refresh token came back: its session has been ended', { session: id, user: userId });
    }
    throw new RefreshRefusedError();
  }

  private async judge(hash: string, client: Client, tx: Tx): Promise<Verdict> {
    const shown = await this.sessions.findToken(hash, tx);
    if (shown === null) return { kind: 'refused' };
    // From here on two refreshes of one session take turns: the token is read again by the second one.
    const session = await this.sessions.lock(shown.sessionId, tx);
    const token = await this.sessions.findToken(hash, tx);
    const user = session && (await this.users.findById(session.userId, tx));
    if (session === null || token === null || user === null || user.disabled || this.isOver(session)) {
      return { kind: 'refused' };
    }
    const newest = await this.sessions.newestGeneration(session.id, tx);
    if (token.usedAt !== null && !this.isTwin(token, session, newest, client)) return this.end(session, user, tx);
    return { kind: 'renewed', renewal: await this.renew(session, user, token, client, tx) };
  }

  private isOver({ expiresAt, lastUsedAt }: Session): boolean {
    const now = this.clock.now();
    return expiresAt <= now || lastUsedAt + SESSION_IDLE_MS <= now;
  }

  /** Whether it is the token used last, a moment ago, by the same client. */
  private isTwin({ usedAt, generation }: RefreshToken, session: Session, newest: number, client: Client): boolean {
    return (
      usedAt !== null &&
      generation === newest - 1 &&
      this.clock.now() - usedAt <= GRACE_MS &&
      session.ip === client.ip &&
      session.userAgent === client.userAgent
    );
  }

  private async renew(session: Session, user: User, token: RefreshToken, client: Client, tx: Tx): Promise<Renewal> {
    const now = this.clock.now();
    const refreshToken = newRefreshToken();
    const generation = token.generation + 1;
    await this.sessions.useUp(session.id, token.generation, now, tx);
    const next = { hash: refreshTokenHash(refreshToken), sessionId: session.id, generation, usedAt: null };
    await this.sessions.addToken(Object.assign(new RefreshToken(), next), tx);
    await this.sessions.forgetTokens(session.id, generation - KEPT_GENERATIONS, tx);
    await this.sessions.touch(session.id, { lastUsedAt: now, ...client }, tx);
    await this.record(user, session, tx, { outcome: 'success', status: 200 });
    return { user, session, refreshToken };
  }

  private async end(session: Session, user: User, tx: Tx): Promise<Verdict> {
    await this.sessions.end(user.id, session.id, tx);
    const changes = {
      code: 'refresh_token_reused',
      detail: 'A used refresh token came back: the session has been ended',
    };
    await this.record(user, session, tx, { outcome: 'refused', status: 401, changes });
    return { kind: 'reused', session };
  }

  private record(
    user: User,
    session: Session,
    tx: Tx,
    how: { outcome: 'success' | 'refused'; status: number; changes?: Record<string, unknown> },
  ): Promise<void> {
    // Who holds a used token has not shown to be the user.
    const actor =
      how.outcome === 'success' ? { actor: { type: 'user' as const, id: user.id, name: user.username } } : {};
    const target = { type: 'session', id: session.id, name: user.username };
    return this.operations.append({ action: 'auth.refresh', target, ...actor, ...how }, tx);
  }
}
