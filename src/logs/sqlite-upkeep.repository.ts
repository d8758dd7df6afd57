import type { Database, Statement } from 'better-sqlite3';
import type { LogName } from './log-batch';
import { TABLE_OF, type Upkeep, type UpkeepDone } from './log-store';

/** Deletes from SQLite's log file and gives its space back, by the writer's own connection. */
export class SqliteUpkeep {
  private readonly statements: Record<LogName, Record<'delete' | 'deleteBefore' | 'oldest', Statement>>;

  constructor(private readonly database: Database) {
    const prepare = (log: LogName) => {
      const table = TABLE_OF[log];
      const oldest = (where: string) => `SELECT seq FROM ${table} ${where} ORDER BY at, seq LIMIT ?`;
      return {
        delete: database.prepare(`DELETE FROM ${table} WHERE seq IN (${oldest('')})`),
        deleteBefore: database.prepare(`DELETE FROM ${table} WHERE seq IN (${oldest('WHERE at < ?')})`),
        oldest: database.prepare(`SELECT min(at) FROM ${table}`).pluck(),
      };
    };
    this.statements = { mcp: prepare('mcp'), system: prepare('system') };
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
      oldest: { mcp: this.oldest('mcp'), system: this.oldest('system') },
    };
  }

  /** One statement is one transaction: it holds the lock no longer than it works. */
  private delete({ log, before, limit }: Upkeep & { task: 'delete' }): number {
    if (limit === 0) return 0;
    const statements = this.statements[log];
    const { changes } = before === null ? statements.delete.run(limit) : statements.deleteBefore.run(before, limit);
    return changes;
  }

  private finish(): void {
    this.database.exec(
      'DELETE FROM mcp_log_name WHERE NOT EXISTS (SELECT 1 FROM mcp_log WHERE mcp_log.tool_id = mcp_log_name.tool_id)',
    );
    // Where somebody reads, it does what it can; the next one does the rest.
    this.database.pragma('wal_checkpoint(TRUNCATE)');
  }

  private oldest(log: LogName): number | null {
    return this.statements[log].oldest.get() as number | null;
  }

  private number(pragma: string): number {
    return Number(this.database.pragma(pragma, { simple: true }));
  }
}
