import { Column, Entity, PrimaryColumn } from 'typeorm';
import { safeInteger } from '../database/column-transformers';

/** What a tool offered when it was last seen: answered while it is stopped. */
@Entity('tool_offerings')
export class ToolOffering {
  @PrimaryColumn({ name: 'tool_id', type: 'varchar', length: 36, primaryKeyConstraintName: 'pk_tool_offerings' })
  toolId: string;

  /** Epoch milliseconds. */
  @Column({ type: 'bigint', transformer: safeInteger })
  at: number;

  /** JSON of the capabilities answer. */
  @Column({ type: 'text' })
  content: string;
}
