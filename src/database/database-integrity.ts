import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock';
import { DatabaseInfo } from './database-info';
import { Reader } from './reader';

export interface IntegrityState {
  /** Null before the first check. */
  ok: boolean | null;
  /** Epoch milliseconds. */
  checkedAt: number | null;
  /** The first few things that SQLite complains about. */
  problems: string[];
}

const MOST_PROBLEMS = 5;

/**
 * Whether the pages of the SQLite files are as they should be: disks flip bits, and who does not look learns of it when a
 * backup has long had them, too. Looked at in a thread of the reader. PostgreSQL has checksums of its own.
 */
@Injectable()
export class DatabaseIntegrity {
  private state: IntegrityState = { ok: null, checkedAt: null, problems: [] };

  constructor(
    private readonly reader: Reader,
    private readonly database: DatabaseInfo,
    private readonly clock: Clock,
  ) {}

  get current(): IntegrityState {
    return this.state;
  }

  /** Whether there is something to check. */
  get isChecked(): boolean {
    return this.database.type === 'sqlite';
  }

  /** @throws QueryTooSlowError */
  async check(limitMs: number): Promise<IntegrityState> {
    const problems = [...(await this.problemsOf('main', limitMs)), ...(await this.problemsOf('logs', limitMs))];
    this.state = {
      ok: problems.length === 0,
      checkedAt: this.clock.now(),
      problems: problems.slice(0, MOST_PROBLEMS),
    };
    return this.state;
  }

  private async problemsOf(schema: 'main' | 'logs', limitMs: number): Promise<string[]> {
    try {
      const sql = `PRAGMA ${schema}.quick_check(${MOST_PROBLEMS})`;
      const rows = await this.reader.query({ sql, values: [] }, { limitMs });
      const said = rows.map((row) => String(row['quick_check']));
      return said.filter((line) => line !== 'ok').map((line) => `${schema}: ${line}`);
    } catch (error) {
      // Damage can be such that the check itself can't go on.
      const { code, message } = error as { code?: unknown; message?: unknown };
      if (typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code)) return [`${schema}: ${String(message)}`];
      throw error;
    }
  }
}
