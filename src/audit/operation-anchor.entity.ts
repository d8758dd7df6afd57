import { Column, Entity, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/**
 * What proves where the operation log begins and ends. `start`: the newest row that retention has deleted; `end`: the newest
 * row there is. Signed, so that nobody else can cut rows off either end unseen.
 */
@Entity('operation_anchors')
export class OperationAnchor {
  @PrimaryColumn({ type: 'varchar', length: 8, primaryKeyConstraintName: 'pk_operation_anchors' })
  place: 'start' | 'end';

  /** Number, hash and time (epoch milliseconds) of that row. */
  @Column({ type: 'bigint', transformer: safeInteger })
  seq: number;

  @Column({ type: 'varchar', length: 64 })
  hash: string;

  @Column({ type: 'bigint', transformer: safeInteger })
  at: number;

  /** HMAC over all of it. */
  @Column({ type: 'varchar', length: 64 })
  mac: string;
}
