/** The part of a log's repository that its writer uses, without a database: keeps rows, and fails when it is told to. */
export class MemoryLogRepository<Row extends { seq: number }> {
  readonly rows: Row[] = [];
  /** Rows of each try, failed ones included. */
  readonly tries: Row[][] = [];
  failure: Error | null = null;

  constructor(private readonly last = 0) {}

  lastSeq(): Promise<number> {
    return Promise.resolve(this.rows.at(-1)?.seq ?? this.last);
  }

  insert(rows: Row[]): Promise<void> {
    this.tries.push(rows);
    if (this.failure) return Promise.reject(this.failure);
    this.rows.push(...rows);
    return Promise.resolve();
  }
}
