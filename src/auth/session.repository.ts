import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Not, Repository } from 'typeorm';
import type { Tx } from '../database/transactions';
import { Session } from './session.entity';

@Injectable()
export class SessionRepository {
  constructor(@InjectRepository(Session) private readonly sessions: Repository<Session>) {}

  /** A session that has not ended, or null. */
  async findLive(id: string, now: number): Promise<Session | null> {
    const session = await this.sessions.findOneBy({ id });
    return session !== null && session.expiresAt > now ? session : null;
  }

  /** Opens a session and forgets those that are over. */
  async open(session: Session, tx: Tx): Promise<void> {
    await tx.delete(Session, { expiresAt: LessThan(session.createdAt) });
    await tx.insert(Session, session);
  }

  /** Ends all sessions of a user but one. */
  async endOthers(userId: string, keepId: string | null, tx: Tx): Promise<void> {
    await tx.delete(Session, keepId === null ? { userId } : { userId, id: Not(keepId) });
  }
}
