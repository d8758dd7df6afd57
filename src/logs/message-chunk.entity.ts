import { EntitySchema } from 'typeorm';
import { safeInteger } from '../database/column-transformers';
import type { PackedChunk } from '../database/chunk-packing';

/** A chunk of MCP messages as SQLite's log file has it; its keys are rows of their own. */
export type MessageChunkRow = Omit<PackedChunk, 'keys'>;

export const messageChunkEntity = () =>
  new EntitySchema<MessageChunkRow>({
    name: 'MessageChunk',
    tableName: 'mcp_chunk',
    columns: {
      first: { type: 'integer', primary: true, primaryKeyConstraintName: 'pk_mcp_chunk' },
      last: { type: 'integer' },
      rows: { type: 'integer' },
      minAt: { name: 'min_at', type: 'bigint', transformer: safeInteger },
      maxAt: { name: 'max_at', type: 'bigint', transformer: safeInteger },
      maxMs: { name: 'max_ms', type: 'double precision', nullable: true },
      head: { type: 'text' },
      cells: { type: 'blob' },
      payloads: { type: 'blob' },
    },
    indices: [
      { name: 'ix_mcp_chunk_min_at', columns: ['minAt'] },
      { name: 'ix_mcp_chunk_max_at', columns: ['maxAt'] },
    ],
  });

/** Which chunks have messages of a tool, of a session, ...: see `KEY`. A chunk may have lost them since. */
export const messageChunkKeyEntity = () =>
  new EntitySchema<{ key: string; first: number }>({
    name: 'MessageChunkKey',
    tableName: 'mcp_chunk_key',
    withoutRowid: true,
    columns: {
      key: { type: 'text', primary: true, primaryKeyConstraintName: 'pk_mcp_chunk_key' },
      first: { type: 'integer', primary: true, primaryKeyConstraintName: 'pk_mcp_chunk_key' },
    },
  });
