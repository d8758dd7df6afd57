import { MCP_COLUMNS, SYSTEM_COLUMNS } from '../../src/logs/log-columns';
import { type LogEntryRow, type LogName, PLACE } from '../../src/logs/log-batch';
import type { MessageBatch } from '../../src/logs/message-batch';
import { toMcpRows } from '../../src/logs/mcp-row';
import type { Redaction } from '../../src/logs/redaction';
import type { LogStore, Upkeep, UpkeepDone } from '../../src/logs/log-store';
import type { McpLogRow } from '../../src/logs/mcp-log.entity';
import type { SystemLogRow } from '../../src/logs/system-log.entity';

/** A log store without a database: keeps rows in order, and fails when it is told to. */
export class MemoryLogStore implements LogStore {
  readonly stored: LogEntryRow[] = [];
  /** Rows of each try, failed ones included. */
  readonly tries: LogEntryRow[][] = [];
  failure: Error | null = null;
  /** Fails after it has stored the rows: the answer got lost. */
  losesAnswers = false;
  /** Rows it will never take. */
  refuses: (row: LogEntryRow) => boolean = () => false;
  isClosed = false;
  readonly upkeeps: Upkeep[] = [];
  /** What a piece of upkeep takes. */
  upkeepMs = 1;
  private readonly next = { mcp: 1, system: 1 };

  write(rows: readonly LogEntryRow[]): Promise<(number | null)[]> {
    this.tries.push([...rows]);
    if (this.failure) return Promise.reject(this.failure);
    if (rows.some(this.refuses)) return Promise.reject(new Error('refused'));
    const known = new Set(this.stored.map(({ values }) => values[PLACE.id]));
    const numbers = rows.map((row) => {
      if (known.has(row.values[PLACE.id] ?? null)) return null;
      this.stored.push(row);
      return this.next[row.log]++;
    });
    return this.losesAnswers ? Promise.reject(new Error('connection lost')) : Promise.resolve(numbers);
  }

  /** Takes batches without their rows, where it is told to. */
  packs = false;
  /** Batches that it took so. */
  readonly packed: MessageBatch[] = [];

  async writeMessages(batch: MessageBatch, redaction: Redaction): Promise<number | null> {
    if (!this.packs) return null;
    const numbers = await this.write(toMcpRows(batch, redaction).map((values) => ({ log: 'mcp', values })));
    this.packed.push(batch);
    return numbers.length;
  }

  /** Deletes by the order of arrival; a row counts as a thousand bytes. */
  upkeep(work: Upkeep): Promise<UpkeepDone> {
    this.upkeeps.push(work);
    if (this.failure) return Promise.reject(this.failure);
    let deleted = 0;
    if (work.task === 'delete') {
      const isOld = ({ log, values }: LogEntryRow) =>
        log === work.log && (work.before === null || Number(values[PLACE.at]) < work.before);
      for (const row of this.stored.filter(isOld).slice(0, work.limit)) {
        this.stored.splice(this.stored.indexOf(row), 1);
        deleted++;
      }
    }
    const oldest = (log: LogName) =>
      this.stored
        .filter((row) => row.log === log)
        .reduce<number | null>((min, { values }) => Math.min(min ?? Infinity, Number(values[PLACE.at])), null);
    const storedBytes = this.stored.length * 1_000;
    return Promise.resolve({
      ...{ deleted, tookMs: this.upkeepMs, storedBytes, freePages: 0, isBehind: false },
      oldest: { mcp: oldest('mcp'), system: oldest('system') },
    });
  }

  readonly notRolledUp = 0;

  rollUp(): Promise<boolean> {
    return Promise.resolve(false);
  }

  isRefusal(error: unknown): boolean {
    return error instanceof Error && error.message === 'refused';
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  get mcp(): McpLogRow[] {
    return this.rows('mcp').map((row) => ({ ...row, truncated: row['truncated'] === 1 }) as unknown as McpLogRow);
  }

  get system(): SystemLogRow[] {
    return this.rows('system') as unknown as SystemLogRow[];
  }

  private rows(log: LogName): Record<string, unknown>[] {
    const columns = (log === 'mcp' ? MCP_COLUMNS : SYSTEM_COLUMNS).slice(1);
    return this.stored
      .filter((row) => row.log === log)
      .map(({ values }, index) => ({
        seq: index + 1,
        ...Object.fromEntries(columns.map(({ property }, place) => [property, values[place]])),
      }));
  }
}
