import { isHeaderName, isSecretName, mayBeSecretName } from './secret-names';
import { backslashesBefore, looksRandom, type Span } from './secret-tokens';

const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const MAX_NAME_CHARACTERS = 64;
const MAX_BACKSLASHES = 7;
const MAX_SPACES = 16;

/** Where names end: what stands between a name and its value, or in nothing that could be a name. */
function isNameCharacter(code: number): boolean {
  const lower = code | 0x20;
  const isDigit = code >= 0x30 && code <= 0x39;
  return (lower >= 0x61 && lower <= 0x7a) || isDigit || code === 0x5f || code === 0x2d || code === 0x2e;
}

/** How many backslashes stand before the quotes of JSON, of JSON within JSON, and so on; another count is of the text itself. */
function isDepth(backslashes: number): boolean {
  return backslashes === 0 || backslashes === 1 || backslashes === 3 || backslashes === 7;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

interface Name {
  text: string;
  /** The quote around it, or 0. */
  quote: number;
  /** How many backslashes stand before each of its quotes: how deep the JSON is packed into texts of JSON. */
  depth: number;
  /** Whether the sign follows at once. */
  isTight: boolean;
}

/** The value of the field, variable or header whose `:` or `=` stands here, if its name says that it is secret. */
export function secretField(text: string, sign: number, isJson: boolean): Span | null {
  const name = nameBefore(text, sign);
  if (name === null || !isSecretName(name.text)) return null;
  let at = sign + 1;
  while (at - sign <= MAX_SPACES && isSpace(text.charCodeAt(at))) at += 1;
  const depth = runOfBackslashes(text, at);
  const opening = text.charCodeAt(at + depth);
  if (name.quote !== 0) return valueOfQuoted(text, at, depth, opening, name);
  // Bare in JSON means inside of a text, where a quote of the outermost JSON ends that text.
  const isInner = opening === DOUBLE_QUOTE && (depth > 0 || !isJson) && isDepth(depth);
  if (isInner) return { from: at + depth + 1, to: endOfQuoted(text, at + depth + 1, depth) };
  if (opening === SINGLE_QUOTE && depth === 0) return { from: at + 1, to: endOfSingleQuoted(text, at + 1) };
  return bareValue(text, sign, at, name);
}

/** The name that ends before a sign, quoted or bare. */
function nameBefore(text: string, sign: number): Name | null {
  let end = sign;
  while (sign - end < MAX_SPACES && isSpace(text.charCodeAt(end - 1))) end -= 1;
  const isTight = end === sign;
  const closing = text.charCodeAt(end - 1);
  const quote = closing === DOUBLE_QUOTE || closing === SINGLE_QUOTE ? closing : 0;
  if (quote !== 0) end -= 1;
  let depth = 0;
  while (quote !== 0 && depth <= MAX_BACKSLASHES && text.charCodeAt(end - 1) === BACKSLASH) {
    end -= 1;
    depth += 1;
  }
  if (!mayBeSecretName(text.charCodeAt(end - 2), text.charCodeAt(end - 1)) || !isDepth(depth)) return null;
  let start = end;
  while (end - start < MAX_NAME_CHARACTERS && isNameCharacter(text.charCodeAt(start - 1))) start -= 1;
  // `\napi_key`: the n is of the line end before it.
  if (quote === 0 && backslashesBefore(text, start) % 2 === 1) start += 1;
  return start >= end ? null : { text: text.slice(start, end), quote, depth, isTight };
}

function valueOfQuoted(text: string, at: number, depth: number, opening: number, name: Name): Span | null {
  if (opening === name.quote && depth === name.depth) {
    const from = at + depth + 1;
    return { from, to: name.quote === DOUBLE_QUOTE ? endOfQuoted(text, from, depth) : endOfSingleQuoted(text, from) };
  }
  if (depth > 0 || name.quote !== DOUBLE_QUOTE) return null;
  if (opening === 0x5b) return listOfTexts(text, at + 1, name.depth);
  const to = endOfNumber(text, at);
  const quote = '\\'.repeat(name.depth) + '"';
  return to === at ? null : { from: at, to, instead: `${quote}***${quote}` };
}

/** `["a", "b"]`, as some write headers: from inside the first text to inside the last one. */
function listOfTexts(text: string, begin: number, depth: number): Span | null {
  let from = -1;
  let to = begin;
  for (let at = begin; ; at = to + depth + 1) {
    while (from < 0 ? isSpace(text.charCodeAt(at)) : isSpace(text.charCodeAt(at)) || text.charCodeAt(at) === 0x2c)
      at += 1;
    if (runOfBackslashes(text, at) !== depth || text.charCodeAt(at + depth) !== DOUBLE_QUOTE) break;
    if (from < 0) from = at + depth + 1;
    to = endOfQuoted(text, at + depth + 1, depth);
  }
  return from < 0 ? null : { from, to };
}

/**
 * Where the text that began at `from` ends, before its closing quote and that one's backslashes. A text packed `n` times
 * into JSON has `depth` = 2^n - 1 backslashes before its quotes; what it escapes itself has more.
 */
function endOfQuoted(text: string, from: number, depth: number): number {
  let run = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) {
      run += 1;
      continue;
    }
    if (code === DOUBLE_QUOTE) {
      if (run % (2 * (depth + 1)) === depth) return at - depth;
      // The text around it ends, whatever was begun inside.
      if (run % 2 === 0) return at - run;
    }
    run = 0;
  }
  return text.length;
}

function endOfSingleQuoted(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === SINGLE_QUOTE || code === 0x0a) return at;
    if (code === DOUBLE_QUOTE) return at - Math.min(backslashesBefore(text, at), at - from);
  }
  return text.length;
}

function endOfNumber(text: string, from: number): number {
  let at = from;
  while (at < text.length && (at === from ? '-0123456789' : '0123456789.eE+-').includes(text.charAt(at))) at += 1;
  return at;
}

/** `token=abc` and `Authorization: Digest ...` in plain words; prose such as `token: missing` stays. */
function bareValue(text: string, sign: number, from: number, name: Name): Span | null {
  const isHeader = isHeaderName(name.text);
  const isColon = text.charCodeAt(sign) === 0x3a;
  // `==`, `::`, `://`
  const next = text.charCodeAt(sign + 1);
  if (next === text.charCodeAt(sign) || (isColon && next === 0x2f)) return null;
  const to = isHeader && isColon ? endOfLine(text, from) : endOfWord(text, from);
  if (to === from || '$<%'.includes(text.charAt(from))) return null;
  const isPlain = !isColon && name.isTight && from === sign + 1;
  const isSecret = isPlain || isHeader || (to - from >= 6 && looksRandom(text, from, to));
  return { from: isSecret ? from : to, to };
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isSpace(text.charCodeAt(at)) && !'"\'`,;&|()<>[]{}\\'.includes(text.charAt(at))) at += 1;
  return at;
}

function endOfLine(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOUBLE_QUOTE || code === 0x0a || code === 0x0d) return at;
    if (code === BACKSLASH && text.charCodeAt(at + 1) !== 0x2f) return at;
  }
  return at;
}

function runOfBackslashes(text: string, from: number): number {
  let count = 0;
  while (text.charCodeAt(from + count) === BACKSLASH) count += 1;
  return count;
}
