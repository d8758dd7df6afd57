/** Numbers rows in commit order: asks the table once for the last number, then counts. Only the one writer of a log uses it. */
export class Sequence {
  private next: number | null = null;

  constructor(private readonly readLast: () => Promise<number>) {}

  /** The first of `count` numbers in a row. They are used up only once `confirm` is called. */
  async peek(): Promise<number> {
    this.next ??= (await this.readLast()) + 1;
    return this.next;
  }

  confirm(count: number): void {
    if (this.next !== null) this.next += count;
  }
}
