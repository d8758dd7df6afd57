import type { Database, Statement } from 'better-sqlite3';
import type { PackedChunk } from './chunk-packing';

/** Stores chunks by a connection that writes; the statements are prepared once. */
export class ChunkInsert {
  private readonly insertChunk: Statement;
  private readonly insertKey: Statement;

  constructor(database: Database) {
    this.insertChunk = database.prepare(`INSERT INTO mcp_chunk
      (first, last, rows, min_at, max_at, max_ms, head, cells, payloads) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
    this.insertKey = database.prepare('INSERT INTO mcp_chunk_key (key, first) VALUES (?, ?)');
  }

  run(chunks: Iterable<PackedChunk>): void {
    for (const { first, last, rows, minAt, maxAt, maxMs, head, cells, payloads, keys } of chunks) {
      this.insertChunk.run(first, last, rows, minAt, maxAt, maxMs, head, cells, payloads);
      for (const key of keys) this.insertKey.run(key, first);
    }
  }
}
