import type { Database, Statement } from 'better-sqlite3';
import { type MessageRow, rowsOfChunk } from '../database/chunk-rows';
import { ChunkInsert } from '../database/chunk-insert';
import { KEY, keysOfStored } from '../database/chunk-keys';
import type { PackedChunk } from '../database/chunk-packing';
import { type NumberedMessage, packChunks } from '../database/message-chunk';
import { ID_TAIL_FROM, MADE_ID, OF } from '../database/message-columns';
import { type LogEntryRow, PLACE, type RowValues } from './log-batch';

interface Chunk {
  first: number;
  rows: number;
  max_at: number;
  max_ms: number | null;
  head: string;
  cells: Buffer;
  payloads: Buffer;
}

const NO_PAYLOADS = Buffer.alloc(0);

/** Writes and deletes the messages of SQLite's log file, by the writer's own connection and in its transactions. */
export class SqliteMessages {
  private readonly insertChunks: ChunkInsert;
  private readonly deleteChunk: Statement;
  private readonly deleteKey: Statement;
  private readonly firstsOf: Statement;
  private readonly withoutPayloads: Statement;
  private readonly startOf: Statement;
  private readonly nextOf: Statement;
  private readonly oldestOf: Statement;
  private readonly oldestAt: Statement;
  private readonly newest: Statement;

  constructor(database: Database) {
    this.insertChunks = new ChunkInsert(database);
    this.deleteChunk = database.prepare('DELETE FROM mcp_chunk WHERE first = ?');
    this.deleteKey = database.prepare('DELETE FROM mcp_chunk_key WHERE key = ? AND first = ?');
    this.firstsOf = database.prepare('SELECT first FROM mcp_chunk_key WHERE key = ?').pluck();
    this.withoutPayloads = database.prepare('SELECT first, head, cells FROM mcp_chunk WHERE first = ?');
    this.startOf = database.prepare('SELECT COALESCE(max(first), 0) FROM mcp_chunk WHERE first <= ?').pluck();
    this.nextOf = database.prepare('SELECT first, head, cells FROM mcp_chunk WHERE first >= ? ORDER BY first LIMIT 1');
    this.oldestOf = database.prepare(`SELECT first, rows, max_at, max_ms, head, cells, payloads FROM mcp_chunk
      WHERE min_at < ? ORDER BY min_at, first LIMIT 1`);
    this.oldestAt = database.prepare('SELECT min(min_at) FROM mcp_chunk').pluck();
    this.newest = database.prepare(`SELECT (SELECT max(last) FROM mcp_chunk WHERE first =
      (SELECT max(first) FROM mcp_chunk)) AS seq, (SELECT max(max_at) FROM mcp_chunk) AS at`);
  }

  /** Epoch milliseconds of the oldest message; null where there is none. */
  get oldest(): number | null {
    return this.oldestAt.get() as number | null;
  }

  /** Number of the last message and time of the latest; null where there is none. */
  readNewest(): { seq: number | null; at: number | null } {
    return this.newest.get() as { seq: number | null; at: number | null };
  }

  /**
   * The ids of these messages that are stored already: of a batch that is given again because nobody knew how it ended.
   * All messages of a batch have one end of their ids in common, so that is one look into the index.
   */
  storedIds(rows: readonly LogEntryRow[]): ReadonlySet<string> {
    const firsts = new Set<number>();
    let lastTail = '';
    for (const { log, values } of rows) {
      const id = values[PLACE.id];
      if (log !== 'mcp' || typeof id !== 'string') continue;
      if (lastTail !== '' && id.endsWith(lastTail)) continue;
      const isMade = MADE_ID.test(id);
      lastTail = isMade ? id.slice(ID_TAIL_FROM) : '';
      const keys = isMade ? [KEY.tail(lastTail), KEY.id(id)] : [KEY.id(id)];
      for (const first of keys.flatMap((key) => this.firstsOf.all(key) as number[])) firsts.add(first);
    }
    const ids = new Set<string>();
    for (const first of firsts) {
      const chunk = this.withoutPayloads.get(first) as Chunk | undefined;
      if (chunk) for (const row of rowsOf(chunk)) ids.add(String(row[1 + OF.id]));
    }
    return ids;
  }

  /** @throws InvalidMessageError */
  insert(messages: readonly NumberedMessage[]): void {
    this.insertChunks.run(packChunks(messages));
  }

  /** Chunks that are made while they are stored, one after the other. */
  insertPacked(chunks: Iterable<PackedChunk>): void {
    this.insertChunks.run(chunks);
  }

  /** Whether there are messages whose ids end so: of a batch that was stored before. */
  hasTail(tail: string): boolean {
    return this.firstsOf.get(KEY.tail(tail)) !== undefined;
  }

  /** Messages behind a number, in order, without their payloads. */
  readBehind(seq: number, limit: number): { seq: number; values: RowValues }[] {
    const found: { seq: number; values: RowValues }[] = [];
    for (let from = this.startOf.get(seq) as number; found.length < limit;) {
      const chunk = this.nextOf.get(from) as Chunk | undefined;
      if (!chunk) break;
      for (const [number, ...values] of rowsOf(chunk)) {
        if (Number(number) > seq && found.length < limit) found.push({ seq: Number(number), values });
      }
      from = chunk.first + 1;
    }
    return found;
  }

  /** Deletes the oldest messages, `limit` at most, only those of earlier than `before` (epoch milliseconds). Says how many. */
  deleteOldest(before: number, limit: number): number {
    let deleted = 0;
    while (deleted < limit) {
      const chunk = this.oldestOf.get(before) as Chunk | undefined;
      if (!chunk) break;
      this.drop(chunk);
      const isWhole = chunk.max_at < before && chunk.rows <= limit - deleted;
      deleted += isWhole ? chunk.rows : this.keepNewer(chunk, before, limit - deleted);
    }
    return deleted;
  }

  /** Stores what is left of a chunk that was taken out, and says how many messages are not. */
  private keepNewer(chunk: Chunk, before: number, limit: number): number {
    const rows = [...rowsOfChunk(chunk, {})];
    const atOf = (row: MessageRow) => Number(row[1 + OF.at]);
    const oldest = rows.filter((row) => atOf(row) < before).sort((one, other) => atOf(one) - atOf(other));
    const gone = new Set(oldest.slice(0, limit));
    const left = rows.filter((row) => !gone.has(row)).map(([seq, ...values]) => ({ seq: Number(seq), values }));
    this.insert(left);
    return gone.size;
  }

  private drop({ first, head, max_ms }: Chunk): void {
    for (const key of keysOfStored(head, max_ms)) this.deleteKey.run(key, first);
    this.deleteChunk.run(first);
  }
}

function rowsOf({ first, head, cells }: Pick<Chunk, 'first' | 'head' | 'cells'>): Generator<MessageRow> {
  return rowsOfChunk({ first, head, cells, payloads: NO_PAYLOADS }, { payload: false });
}
