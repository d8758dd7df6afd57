import { ObjectCursor, skipSpace, withoutMembers } from './json-text';

/** Members of modern results that no older revision knows. */
const MODERN_MEMBERS: ReadonlySet<string> = new Set(['resultType', 'ttlMs', 'cacheScope']);

/** An answer of a server as it stood on the wire, and where in it is what a relay has to know. */
export class AnswerText {
  idStart = -1;
  idEnd = -1;
  resultStart = -1;
  resultEnd = -1;
  errorStart = -1;
  errorEnd = -1;
  /** The result says of itself that the MCP tool failed. */
  isToolError = false;
  /** The result is none yet: the server wants to know something first (2026-07-28). */
  isInputRequired = false;
  private modernMembers = 0;
  /** What has to go where there is but one of them, a comma with it. */
  private cutStart = -1;
  private cutEnd = -1;

  private constructor(readonly text: string) {}

  /**
   * Reads one line in a single pass and without building its values; null if it is no plain answer: then whoever parses
   * it properly has to decide.
   */
  static read(text: string): AnswerText | null {
    const answer = new AnswerText(text);
    const cursor = new ObjectCursor(text, skipSpace(text, 0));
    while (cursor.nextKey()) {
      if (!answer.take(cursor)) return null;
    }
    const isWhole = cursor.end >= 0 && skipSpace(text, cursor.end) === text.length;
    const hasOne = answer.resultStart >= 0 !== answer.errorStart >= 0;
    return isWhole && hasOne && answer.idStart >= 0 ? answer : null;
  }

  /** Our id, or null if it is none of ours. */
  get id(): number | null {
    const id = Number(this.text.slice(this.idStart, this.idEnd));
    return Number.isSafeInteger(id) ? id : null;
  }

  get isError(): boolean {
    return this.errorStart >= 0;
  }

  get resultText(): string {
    return this.text.slice(this.resultStart, this.resultEnd);
  }

  get errorText(): string {
    return this.text.slice(this.errorStart, this.errorEnd);
  }

  /** The same answer under the id that the client gave, as the client wrote it. */
  withId(idText: string): string {
    return this.text.slice(0, this.idStart) + idText + this.text.slice(this.idEnd);
  }

  /** The same answer with another result, under another id. */
  withResult(idText: string, result: string): string {
    return `{"jsonrpc":"2.0","id":${idText},"result":${result}}`;
  }

  /** The same for a client that knows no modern revision: its members go, all others stay byte for byte. */
  forLegacy(idText: string): string {
    if (this.modernMembers === 0) return this.withId(idText);
    const { text, resultStart, resultEnd, cutStart, cutEnd } = this;
    const result =
      this.modernMembers === 1
        ? text.slice(resultStart, cutStart) + text.slice(cutEnd, resultEnd)
        : withoutMembers(this.resultText, (key) => MODERN_MEMBERS.has(key));
    return this.withResult(idText, result);
  }

  /** False: a member stands there twice, in disguise or without an end, or this is no answer. */
  private take(cursor: ObjectCursor): boolean {
    if (cursor.isKey('result')) {
      if (this.resultStart >= 0) return false;
      this.resultStart = cursor.valueStart;
      this.resultEnd = this.walkResult(cursor);
      return this.resultEnd >= 0;
    }
    const end = cursor.skip();
    if (cursor.isKey('id')) {
      if (this.idStart >= 0) return false;
      this.idStart = cursor.valueStart;
      this.idEnd = end;
    } else if (cursor.isKey('error')) {
      if (this.errorStart >= 0) return false;
      this.errorStart = cursor.valueStart;
      this.errorEnd = end;
    } else if (cursor.isKey('method') || (!cursor.isKey('jsonrpc') && cursor.isKeyEscaped)) return false;
    return end >= 0;
  }

  private walkResult(cursor: ObjectCursor): number {
    const { text } = this;
    if (text.charCodeAt(cursor.valueStart) !== 0x7b) return cursor.skip();
    const inner = new ObjectCursor(text, cursor.valueStart);
    let before = -1;
    while (inner.nextKey()) {
      const { keyStart } = inner;
      // What was to go was the first member: the comma after it goes too.
      if (this.cutStart >= 0 && this.cutEnd < 0) this.cutEnd = keyStart;
      const end = inner.skip();
      if (inner.isKey('isError')) this.isToolError = text.slice(inner.valueStart, end) === 'true';
      else if (isModern(inner)) {
        if (this.modernMembers === 0) {
          this.cutStart = before < 0 ? keyStart : before;
          if (before >= 0) this.cutEnd = end;
        }
        this.modernMembers += 1;
        if (inner.isKey('resultType')) this.isInputRequired ||= text.startsWith('"input_required"', inner.valueStart);
      }
      before = end;
    }
    if (this.cutStart >= 0 && this.cutEnd < 0) this.cutEnd = before;
    cursor.leap(inner.end);
    return inner.end;
  }
}

function isModern(cursor: ObjectCursor): boolean {
  return cursor.isKey('resultType') || cursor.isKey('ttlMs') || cursor.isKey('cacheScope');
}
