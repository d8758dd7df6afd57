import { Column, Entity, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** `interrupted`: MCPS.ONE was stopped meanwhile. */
export type JobOutcome = 'success' | 'failure' | 'timeout' | 'interrupted';

/** The last run of a scheduled job. */
@Entity('job_runs')
export class JobRun {
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_job_runs' })
  name: string;

  /** Epoch milliseconds, as is the end. */
  @Column({ name: 'started_at', type: 'bigint', transformer: safeInteger })
  startedAt: number;

  @Column({ name: 'ended_at', type: 'bigint', transformer: safeInteger })
  endedAt: number;

  @Column({ type: 'varchar', length: 16 })
  outcome: JobOutcome;

  @Column({ type: 'text', nullable: true })
  error: string | null;
}
