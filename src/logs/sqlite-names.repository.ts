import type { Database, Statement } from 'better-sqlite3';

/** Which tools have messages, and what they were called: kept beside the messages, so that a name is found without these. */
export class SqliteNames {
  private readonly remember: Statement;
  private readonly known: Set<string>;
  /** Those of this transaction. */
  private fresh: string[] = [];
  private lastId: unknown = null;
  private lastName: unknown = null;

  constructor(database: Database) {
    this.remember = database.prepare('INSERT INTO mcp_log_name VALUES (?, ?) ON CONFLICT DO NOTHING');
    const names = database.prepare('SELECT tool_name, tool_id FROM mcp_log_name').raw().all() as [string, string][];
    this.known = new Set(names.map(([name, id]) => keyOf(name, id)));
  }

  /** To be called inside of a transaction, for each message. */
  note(toolName: unknown, toolId: unknown): void {
    // Most messages follow one of the same tool.
    if (toolId === this.lastId && toolName === this.lastName) return;
    this.lastId = toolId;
    this.lastName = toolName;
    const key = keyOf(toolName, toolId);
    if (this.known.has(key) || this.fresh.includes(key)) return;
    this.remember.run(toolName, toolId);
    this.fresh.push(key);
  }

  committed(): void {
    for (const key of this.fresh) this.known.add(key);
    this.forgetFresh();
  }

  rolledBack(): void {
    this.forgetFresh();
  }

  /** Those without messages were taken out of the table: all are written again with their next message. */
  clear(): void {
    this.known.clear();
    this.forgetFresh();
  }

  private forgetFresh(): void {
    this.fresh = [];
    this.lastId = null;
    this.lastName = null;
  }
}

function keyOf(name: unknown, id: unknown): string {
  return `${String(name)}\n${String(id)}`;
}
