/** So many gaps are left, and as many as there are entries, before they are closed. */
const FEW_GAPS = 32;

/**
 * What waits, in the order it came: for entries that come and go by the thousand and mostly in turn.
 *
 * A `Map` or `Set` would do, but for how V8 makes them: it rebuilds them again and again, every old table points to the next
 * and holds the entries of its time, and once one of them is old all that follow live until the next full collection (ADR 47).
 */
export class WaitingList<T extends object> implements Iterable<T> {
  /** Undefined: it has gone. Never made shorter or anew: what is dropped would hold on to what it held. */
  protected readonly entries: (T | undefined)[] = [];
  /** Before this there are gaps alone. */
  protected head = 0;
  /** From here on nothing was added yet. */
  protected end = 0;
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(entry: T): void {
    this.entries[this.end] = entry;
    this.end += 1;
    this.count += 1;
  }

  has(entry: T): boolean {
    return this.entries.indexOf(entry, this.head) !== -1;
  }

  /** Whether it was there. */
  delete(entry: T): boolean {
    const { entries } = this;
    const at = entries.indexOf(entry, this.head);
    if (at === -1) return false;
    entries[at] = undefined;
    this.count -= 1;
    if (this.count === 0) {
      this.head = 0;
      this.end = 0;
      return true;
    }
    while (entries[this.head] === undefined) this.head += 1;
    if (this.end - this.count > FEW_GAPS + this.count) this.closeGaps();
    return true;
  }

  /** Those that wait at the moment; what comes and goes meanwhile changes nothing of it. */
  *[Symbol.iterator](): Iterator<T> {
    for (const entry of this.entries.slice(this.head, this.end)) if (entry !== undefined) yield entry;
  }

  private closeGaps(): void {
    const { entries, head, end } = this;
    this.head = 0;
    this.end = 0;
    for (let at = head; at < end; at++) {
      const entry = entries[at];
      entries[at] = undefined;
      if (entry !== undefined) entries[this.end++] = entry;
    }
  }
}
