import { endOfString } from './json-depth';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** The first index from `at` on that is no JSON white space. */
export function skipSpace(text: string, at: number): number {
  let index = at;
  while (isSpace(text.charCodeAt(index))) index += 1;
  return index;
}

/** The index after the JSON value that begins at `at`; -1 if there is none or it does not end. */
export function endOfValue(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfQuoted(text, at);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(text, at);
  let index = at;
  while (index < text.length && !endsScalar(text.charCodeAt(index))) index += 1;
  return index === at ? -1 : index;
}

/**
 * Walks the members of one JSON object in its text, so that a part can be found or exchanged and all else stays as it is,
 * byte for byte. It reads structure only: what stands inside a value is not judged.
 *
 *   while (cursor.nextKey()) cursor.skip();
 */
export class ObjectCursor {
  /** The quote that opens the key, and the index after the one that closes it. */
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  /** The index after the object, once `nextKey` has answered false; -1: it is malformed. */
  end = 0;
  private at: number;
  private isFirst = true;

  /** `start`: the index of the opening brace. */
  constructor(
    private readonly text: string,
    start: number,
  ) {
    this.at = text.charCodeAt(start) === OPEN_BRACE ? start + 1 : -1;
  }

  /** Goes to the next member; false at the end, or where the object is malformed. */
  nextKey(): boolean {
    const { text } = this;
    if (this.at < 0) return this.broken();
    let index = skipSpace(text, this.at);
    if (text.charCodeAt(index) === CLOSE_BRACE) {
      this.end = index + 1;
      return false;
    }
    if (!this.isFirst) {
      if (text.charCodeAt(index) !== COMMA) return this.broken();
      index = skipSpace(text, index + 1);
    }
    this.isFirst = false;
    if (text.charCodeAt(index) !== QUOTE) return this.broken();
    this.keyStart = index;
    this.keyEnd = endOfQuoted(text, index);
    if (this.keyEnd < 0) return this.broken();
    index = skipSpace(text, this.keyEnd);
    if (text.charCodeAt(index) !== COLON) return this.broken();
    this.valueStart = skipSpace(text, index + 1);
    return true;
  }

  /** Passes over the value at hand; the index after it, -1 if it is malformed. */
  skip(): number {
    this.at = endOfValue(this.text, this.valueStart);
    return this.at;
  }

  /** Goes on after a value whose end is known. */
  leap(end: number): void {
    this.at = end;
  }

  /** Whether the key at hand is `name`, written plainly. */
  isKey(name: string): boolean {
    return this.keyEnd - this.keyStart === name.length + 2 && this.text.startsWith(name, this.keyStart + 1);
  }

  /** Whether the key is written with escapes: then another text may mean the same name. */
  get isKeyEscaped(): boolean {
    const { text, keyEnd } = this;
    for (let index = this.keyStart + 1; index < keyEnd; index += 1) {
      if (text.charCodeAt(index) === BACKSLASH) return true;
    }
    return false;
  }

  private broken(): false {
    this.end = -1;
    return false;
  }
}

/** The text of a JSON object without the members that `isUnwanted` names by their key; the others stay byte for byte. */
export function withoutMembers(text: string, isUnwanted: (key: string) => boolean): string {
  const cursor = new ObjectCursor(text, 0);
  const kept: string[] = [];
  let dropped = 0;
  while (cursor.nextKey()) {
    const end = cursor.skip();
    if (end < 0) return text;
    if (isUnwanted(text.slice(cursor.keyStart + 1, cursor.keyEnd - 1))) dropped += 1;
    else kept.push(text.slice(cursor.keyStart, end));
  }
  return dropped === 0 || cursor.end < 0 ? text : `{${kept.join(',')}}`;
}

/** The text of a JSON object with further members at its beginning; `members` without braces. */
export function withMembers(text: string, members: string): string {
  const rest = skipSpace(text, 1);
  return text.charCodeAt(rest) === CLOSE_BRACE ? `{${members}}` : `{${members},${text.slice(rest)}`;
}

/** The text of the value of one member, or undefined. */
export function memberText(text: string, name: string): string | undefined {
  const cursor = new ObjectCursor(text, 0);
  while (cursor.nextKey()) {
    const end = cursor.skip();
    if (cursor.isKey(name) && end >= 0) return text.slice(cursor.valueStart, end);
  }
  return undefined;
}

/** The members of a JSON object as texts, [key in quotes, value]. */
export function membersOf(text: string): [string, string][] {
  const cursor = new ObjectCursor(text, 0);
  const members: [string, string][] = [];
  while (cursor.nextKey()) {
    const end = cursor.skip();
    if (end >= 0) members.push([text.slice(cursor.keyStart, cursor.keyEnd), text.slice(cursor.valueStart, end)]);
  }
  return members;
}

/** The text with the value at `path` (keys from the outside in) exchanged; as it is where there is no such place. */
export function withValueAt(text: string, path: readonly string[], value: string): string {
  let start = skipSpace(text, 0);
  for (const [depth, name] of path.entries()) {
    const cursor = new ObjectCursor(text, start);
    let found = false;
    while (!found && cursor.nextKey()) {
      found = cursor.isKey(name);
      if (!found && cursor.skip() < 0) return text;
    }
    if (!found) return text;
    start = cursor.valueStart;
    if (depth < path.length - 1) continue;
    const end = cursor.skip();
    return end < 0 ? text : text.slice(0, start) + value + text.slice(end);
  }
  return text;
}

/** The places of the elements of a JSON array that is known to be valid. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = endOfValue(text, at);
    if (end < 0) return elements;
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1);
  }
  return elements;
}

function endOfQuoted(text: string, at: number): number {
  const end = endOfString(text, at + 1);
  return end > at + 1 && text.charCodeAt(end - 1) === QUOTE ? end : -1;
}

function endOfNested(text: string, at: number): number {
  let depth = 0;
  let index = at;
  while (index < text.length) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfString(text, index + 1);
        continue;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        if (depth === 0) return index + 1;
        break;
    }
    index += 1;
  }
  return -1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code);
}
