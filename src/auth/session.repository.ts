import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { In, IsNull, LessThan, LessThanOrEqual, MoreThan, Not, Repository } from 'typeorm';
import { DatabaseInfo } from '../database/database-info';
import type { Tx } from '../database/transactions';
import { RefreshToken } from './refresh-token.entity';
import { Session } from './session.entity';

/** Sessions and the refresh tokens that belong to them. */
@Injectable()
export class SessionRepository {
  constructor(
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    private readonly database: DatabaseInfo,
  ) {}

  /** A session that has not ended, or null. */
  async findLive(id: string, now: number): Promise<Session | null> {
    const session = await this.sessions.findOneBy({ id });
    return session !== null && session.expiresAt > now ? session : null;
  }

  /** Newest first. `idleSince`: those not used since then are over. */
  listLive(userId: string, now: number, idleSince: number): Promise<Session[]> {
    return this.sessions.find({
      where: { userId, expiresAt: MoreThan(now), lastUsedAt: MoreThan(idleSince) },
      order: { id: 'DESC' },
    });
  }

  /** Reads a session so that nobody else changes it before `tx` ends. (On SQLite transactions take turns anyway.) */
  lock(id: string, tx: Tx): Promise<Session | null> {
    const lock = this.database.type === 'postgres' ? { lock: { mode: 'pessimistic_write' as const } } : {};
    return tx.findOne(Session, { where: { id }, ...lock });
  }

  async open(session: Session, tx: Tx): Promise<void> {
    await tx.insert(Session, session);
  }

  async touch(id: string, use: Pick<Session, 'lastUsedAt' | 'ip' | 'userAgent'>, tx: Tx): Promise<void> {
    await tx.update(Session, { id }, use);
  }

  /** Forgets what is over: past its end, or not used since `idleSince`. */
  async forgetEnded(now: number, idleSince: number, tx: Tx): Promise<void> {
    const over = [{ expiresAt: LessThan(now) }, { lastUsedAt: LessThan(idleSince) }];
    await this.remove(await tx.find(Session, { select: { id: true }, where: over }), tx);
  }

  /** Ends one session of a user. False: there is none of this id. */
  async end(userId: string, id: string, tx: Tx): Promise<boolean> {
    const found = await tx.find(Session, { select: { id: true }, where: { userId, id } });
    await this.remove(found, tx);
    return found.length > 0;
  }

  /** Ends all sessions of a user but one; their ids. */
  async endOthers(userId: string, keepId: string | null, tx: Tx): Promise<string[]> {
    const where = keepId === null ? { userId } : { userId, id: Not(keepId) };
    const ended = await tx.find(Session, { select: { id: true }, where });
    await this.remove(ended, tx);
    return ended.map(({ id }) => id);
  }

  findToken(hash: string, tx: Tx): Promise<RefreshToken | null> {
    return tx.findOneBy(RefreshToken, { hash });
  }

  /** The number of a session's newest generation of tokens. */
  async newestGeneration(sessionId: string, tx: Tx): Promise<number> {
    return (await tx.maximum(RefreshToken, 'generation', { sessionId })) ?? 0;
  }

  async addToken(token: RefreshToken, tx: Tx): Promise<void> {
    await tx.insert(RefreshToken, token);
  }

  /** Marks a generation of tokens as used: the one that was shown, and its twin where two came of one use. */
  async useUp(sessionId: string, generation: number, now: number, tx: Tx): Promise<void> {
    await tx.update(RefreshToken, { sessionId, generation, usedAt: IsNull() }, { usedAt: now });
  }

  async forgetTokens(sessionId: string, upToGeneration: number, tx: Tx): Promise<void> {
    await tx.delete(RefreshToken, { sessionId, generation: LessThanOrEqual(upToGeneration) });
  }

  /** Sessions first: a refresh under way holds its session's row, and has added its token when this gets on. */
  private async remove(sessions: { id: string }[], tx: Tx): Promise<void> {
    if (sessions.length === 0) return;
    const ids = In(sessions.map(({ id }) => id));
    await tx.delete(Session, { id: ids });
    await tx.delete(RefreshToken, { sessionId: ids });
  }
}
