import { Column, Entity, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** A setting that somebody has changed; those that nobody has are not here. */
@Entity('settings')
export class SettingRow {
  @PrimaryColumn({ type: 'varchar', length: 64, primaryKeyConstraintName: 'pk_settings' })
  key: string;

  /** JSON. */
  @Column({ type: 'text' })
  value: string;

  /** Epoch milliseconds. */
  @Column({ name: 'updated_at', type: 'bigint', transformer: safeInteger })
  updatedAt: number;
}
