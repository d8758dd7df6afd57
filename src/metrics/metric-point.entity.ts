import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** What was measured of one thing (a tool, by its id) during one minute or one hour. */
@Entity('metric_points')
@Index('ix_metric_points_step_at', ['stepSeconds', 'at'])
export class MetricPointRow {
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_metric_points' })
  series: string;

  /** 60 or 3600. */
  @PrimaryColumn({ name: 'step_seconds', type: 'integer', primaryKeyConstraintName: 'pk_metric_points' })
  stepSeconds: number;

  /** Epoch milliseconds of its beginning. */
  @PrimaryColumn({ type: 'bigint', primaryKeyConstraintName: 'pk_metric_points', transformer: safeInteger })
  at: number;

  /** As `MetricPoint.encode` writes it. */
  @Column({ type: 'text' })
  data: string;
}
