import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** One login of a user. An access token is worth nothing once its session's row is gone. */
@Entity('sessions')
@Index('ix_sessions_user', ['userId'])
@Index('ix_sessions_expires', ['expiresAt'])
export class Session {
  @PrimaryColumn({ type: 'varchar', length: 36, primaryKeyConstraintName: 'pk_sessions' })
  id: string;

  @Column({ name: 'user_id', type: 'varchar', length: 36 })
  userId: string;

  /** Epoch milliseconds. */
  @Column({ name: 'created_at', type: 'bigint', transformer: safeInteger })
  createdAt: number;

  @Column({ name: 'last_used_at', type: 'bigint', transformer: safeInteger })
  lastUsedAt: number;

  @Column({ name: 'expires_at', type: 'bigint', transformer: safeInteger })
  expiresAt: number;

  @Column({ type: 'varchar', length: 64, nullable: true })
  ip: string | null;

  @Column({ name: 'user_agent', type: 'varchar', length: 300, nullable: true })
  userAgent: string | null;
}
