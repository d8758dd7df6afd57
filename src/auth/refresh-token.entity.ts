import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/**
 * One refresh token of a session, used or not. Used ones are kept as long as the session: seeing one again means that two
 * parties hold the session.
 */
@Entity('refresh_tokens')
@Index('ix_refresh_tokens_session_generation', ['sessionId', 'generation'])
export class RefreshToken {
  /** SHA-256 of the token, in hex. */
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_refresh_tokens' })
  hash: string;

  @Column({ name: 'session_id', type: 'varchar', length: 36 })
  sessionId: string;

  /** 1 for the login's own token; each use makes the next generation. */
  @Column({ type: 'integer' })
  generation: number;

  /** Epoch milliseconds; null: it can be used. */
  @Column({ name: 'used_at', type: 'bigint', nullable: true, transformer: safeInteger })
  usedAt: number | null;
}
