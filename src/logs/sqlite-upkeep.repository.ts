import type { Database, Statement } from 'better-sqlite3';
import type { LogName } from './log-batch';
import { TABLE_OF, type Upkeep, type UpkeepDone } from './log-store';

/** Deletes from SQLite's log file and gives its space back, by the writer's own connection. */
export class SqliteUpkeep {
  private readonly statements: Record<LogName, Record<'delete' | 'deleteBefore' | 'oldest', Statement>>;
  private readonly rememberFloor: Statement;

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
    this.rememberFloor = database.prepare(
      'INSERT INTO log_floors VALUES (?, ?) ON CONFLICT (log) DO UPDATE SET seq = excluded.seq',
    );
  }

  /** `lastSeq`: the highest number ever given in each log. */
  run(work: Upkeep, lastSeq: Record<LogName, number>): UpkeepDone {
    const began = performance.now();
    let deleted = 0;
    if (work.task === 'delete') deleted = this.delete(work, lastSeq[work.log]);
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

  private delete({ log, before, limit }: Upkeep & { task: 'delete' }, lastSeq: number): number {
    const { database } = this;
    if (limit === 0) return 0;
    database.exec('BEGIN IMMEDIATE');
    try {
      const { changes } =
        before === null ? this.statements[log].delete.run(limit) : this.statements[log].deleteBefore.run(before, limit);
      if (changes > 0) this.rememberFloor.run(TABLE_OF[log], lastSeq);
      database.exec('COMMIT');
      return changes;
    } catch (error) {
      if (database.inTransaction) database.exec('ROLLBACK');
      throw error;
    }
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
