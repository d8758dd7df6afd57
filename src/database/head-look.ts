import type { ChunkQuery } from './chunk-query';
import { CELL, CELLS } from './chunk-format';

/** A value of a context as JSON. */
const ANY_VALUE = String.raw`(?:null|"(?:[^"\\]|\\.)*")`;
const BEGINNING = '{"contexts":[';
const VALUES = 9;

/** Tells by a look into the head of a chunk whether it may have what is wanted: a tenth of the cost of parsing it. */
export class HeadLook {
  private readonly wanted: RegExp | null;
  private readonly wantedHere: RegExp;
  private readonly next = new RegExp(contextPattern(Array<undefined>(VALUES).fill(undefined)), 'y');
  private readonly minDurationMs: number | null;

  constructor(query: ChunkQuery) {
    const { toolId, toolName, scope, sessionId, direction, kinds, method, target, minDurationMs = null } = query;
    const ofTool = toolId === undefined ? scope : [toolId];
    const values = [ofTool, toolName, sessionId, undefined, direction, kinds, method, target, undefined];
    const pattern = contextPattern(values);
    this.wanted = values.every((value) => value === undefined) ? null : new RegExp(pattern);
    this.wantedHere = new RegExp(pattern, 'y');
    this.minDurationMs = minDurationMs;
  }

  /** `cells` matter only where messages are to have taken a time. */
  mayHave(head: string, cells: Buffer): boolean {
    if (this.wanted === null) return true;
    if (!this.wanted.test(head)) return false;
    return this.minDurationMs === null || this.hasOneOf(this.contextsFrom(this.minDurationMs, cells), head);
  }

  /** The contexts of the messages that took so long: few. */
  private contextsFrom(minDurationMs: number, cells: Buffer): Set<number> {
    const numbers = numbersOf(cells);
    const found = new Set<number>();
    for (let cell = 0; cell < numbers.length; cell += CELLS) {
      if ((numbers[cell + CELL.durationMs] ?? NaN) >= minDurationMs) found.add(numbers[cell + CELL.context] ?? NaN);
    }
    return found;
  }

  private hasOneOf(contexts: Set<number>, head: string): boolean {
    if (!head.startsWith(BEGINNING)) return true;
    const last = Math.max(...contexts);
    for (let number = 0, at = BEGINNING.length; number <= last; number++) {
      this.wantedHere.lastIndex = at;
      if (contexts.has(number) && this.wantedHere.test(head)) return true;
      this.next.lastIndex = at;
      // What is not understood is left to who parses it.
      if (!this.next.test(head)) return true;
      at = this.next.lastIndex + ','.length;
    }
    return false;
  }
}

/** The cells as they lie, where they lie as numbers must. */
export function numbersOf({ buffer, byteOffset, byteLength }: Buffer): Float64Array {
  return byteOffset % 8 === 0
    ? new Float64Array(buffer, byteOffset, byteLength / 8)
    : new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

/** A text in a regular expression. */
export function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/** What the JSON of a context looks like that has some values. */
function contextPattern(values: readonly (string | null | readonly string[] | undefined)[]): string {
  return `\\[${values.map(valuePattern).join(',')}\\]`;
}

function valuePattern(value: string | null | readonly string[] | undefined): string {
  if (value === undefined) return ANY_VALUE;
  if (typeof value === 'string' || value === null) return literal(JSON.stringify(value));
  return `(?:${value.map((each) => literal(JSON.stringify(each))).join('|')})`;
}
