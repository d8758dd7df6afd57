import type { Database, Statement } from 'better-sqlite3';
import { KEY } from '../database/chunk-keys';
import type { Upkeep, UpkeepDone } from './log-store';
import type { SqliteMessages } from './sqlite-messages.repository';

/** Deletes from SQLite's log file and gives its space back, by the writer's own connection. */
export class SqliteUpkeep {
  private readonly deleteLines: Statement;
  private readonly oldestLine: Statement;

  constructor(
    private readonly database: Database,
    private readonly messages: SqliteMessages,
  ) {
    this.deleteLines = database.prepare(
      'DELETE FROM system_log WHERE seq IN (SELECT seq FROM system_log WHERE at < ? ORDER BY at, seq LIMIT ?)',
    );
    this.oldestLine = database.prepare('SELECT min(at) FROM system_log').pluck();
  }

  run(work: Upkeep): Omit<UpkeepDone, 'isBehind'> {
    const began = performance.now();
    let deleted = 0;
    if (work.task === 'delete') deleted = this.delete(work);
    else if (work.task === 'give-back') this.database.pragma(`incremental_vacuum(${Math.trunc(work.pages)})`);
    else this.finish();
    const tookMs = performance.now() - began;
    const freePages = this.number('freelist_count');
    return {
      deleted,
      tookMs,
      freePages,
      storedBytes: (this.number('page_count') - freePages) * this.number('page_size'),
      oldest: { mcp: this.messages.oldest, system: this.oldestLine.get() as number | null },
    };
  }

  /** One transaction: it holds the lock no longer than it works. */
  private delete({ log, before, limit }: Upkeep & { task: 'delete' }): number {
    if (limit === 0) return 0;
    const until = before ?? Number.MAX_SAFE_INTEGER;
    if (log === 'system') return this.deleteLines.run(until, limit).changes;
    return this.database.transaction(() => this.messages.deleteOldest(until, limit)).immediate();
  }

  private finish(): void {
    this.database.exec(`DELETE FROM mcp_log_name
      WHERE NOT EXISTS (SELECT 1 FROM mcp_chunk_key WHERE key = '${KEY.tool('')}' || tool_id)`);
    // Where somebody reads, it does what it can; the next one does the rest.
    this.database.pragma('wal_checkpoint(TRUNCATE)');
  }

  private number(pragma: string): number {
    return Number(this.database.pragma(pragma, { simple: true }));
  }
}
