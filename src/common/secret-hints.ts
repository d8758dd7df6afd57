import { endingOf, isSecretName, mayBeSecretName, TELLING_ENDS } from './secret-names';
import { TOKEN_PREFIXES } from './secret-tokens';

/** What may begin, or end the beginning of, something secret, by its character. */
const [FIELD, PREFIX, JWT, CLOUD, SCHEME, URL, NUL] = [1, 2, 3, 4, 5, 6, 7];
const KIND = new Uint8Array(256);
for (const [chars, kind] of [
  [':=', FIELD],
  ['_-', PREFIX],
  ['J', JWT],
  ['A', CLOUD],
  ['Bb', SCHEME],
  ['/', URL],
  ['\0', NUL],
] as const) {
  for (const char of chars) KIND[char.charCodeAt(0)] = kind;
}

const BACKSLASH = 0x5c;
const AT_SIGN = 0x40;
const LOWER = 0x20;
const MAX_NAME_CHARACTERS = 64;
const MAX_BACKSLASHES = 7;
const MAX_SPACES = 16;
/** Where the user and password of a URL end, if not by an `@`. */
const URL_ENDS = new Uint8Array(256);
for (const char of ' /?#"\'<>\\\n\r\t') URL_ENDS[char.charCodeAt(0)] = 1;

/** Ends of telling names, by their last two letters. */
const ENDS: Buffer[][] = Array.from({ length: 1_024 }, () => []);
for (const word of TELLING_ENDS) {
  ENDS[endingOf(word.charCodeAt(word.length - 2), word.charCodeAt(word.length - 1))]?.push(Buffer.from(word));
}
/** Beginnings of tokens, by the character before their last. */
const PREFIXES: Buffer[][] = Array.from({ length: 256 }, () => []);
for (const prefix of TOKEN_PREFIXES) PREFIXES[prefix.charCodeAt(prefix.length - 2)]?.push(Buffer.from(prefix));

/** What `hintOf` says of a text: it is ASCII, or has other characters of Latin-1, or may have something to be hidden. */
export const HINT = { ascii: 0, latin1: 1, secret: 2 } as const;
export type Hint = (typeof HINT)[keyof typeof HINT];

const NOT_ASCII = 0x80_80_80_80;

/** Of each two bytes, whether one of them may begin something secret. */
const PAIR = new Uint8Array(0x1_00_00);
for (let pair = 0; pair < PAIR.length; pair++) {
  PAIR[pair] = KIND[pair & 0xff] === 0 && KIND[pair >> 8] === 0 ? 0 : 1;
}

/** Texts that stand in memory, and the same memory to be read by fours. */
export interface ScannedMemory {
  readonly codes: Buffer;
  /** Begins where `codes` does. */
  readonly fours: Int32Array;
}

/** `codes`: of memory of its own, or at a place in it that can be divided by four. */
export function scannedMemory(codes: Buffer): ScannedMemory {
  return { codes, fours: new Int32Array(codes.buffer, codes.byteOffset, codes.length >> 2) };
}

/**
 * Whether `redact` (redaction.ts) may hide something of a text in Latin-1, or the text has a NUL; not so for nearly all
 * messages, in a tenth of the time. It looks for the same beginnings and is content with less, so what it turns away has
 * nothing to be hidden: whoever adds a kind of secret there adds its beginning here (a property test compares the two).
 */
export function hintOf({ codes, fours }: ScannedMemory, from: number, to: number): Hint {
  // Where the first whole four begins, and the last one ends.
  const begin = Math.min(to, (from + 3) & ~3);
  const end = Math.max(begin, to & ~3);
  let seen = 0;
  for (let at = from; at < begin; at += 1) {
    seen |= codes[at] ?? 0;
    if (isSecretAt(codes, from, to, at)) return HINT.secret;
  }
  for (let four = begin >> 2; four < end >> 2; four += 1) {
    const bytes = fours[four] ?? 0;
    seen |= bytes;
    if (((PAIR[bytes & 0xffff] ?? 0) | (PAIR[bytes >>> 16] ?? 0)) === 0) continue;
    const at = four << 2;
    if (isSecretAt(codes, from, to, at) || isSecretAt(codes, from, to, at + 1)) return HINT.secret;
    if (isSecretAt(codes, from, to, at + 2) || isSecretAt(codes, from, to, at + 3)) return HINT.secret;
  }
  for (let at = end; at < to; at += 1) {
    seen |= codes[at] ?? 0;
    if (isSecretAt(codes, from, to, at)) return HINT.secret;
  }
  return (seen & NOT_ASCII) === 0 ? HINT.ascii : HINT.latin1;
}

function isSecretAt(codes: Buffer, from: number, to: number, at: number): boolean {
  const kind = KIND[codes[at] ?? 0] ?? 0;
  if (kind === 0 || (kind === FIELD && at - 3 >= from && isHarmless(codes, at))) return false;
  return isBeginning(codes, from, to, at, kind);
}

/** Whether this is the sign behind a name in quotes whose last letters no telling name has: of nearly all. */
function isHarmless(codes: Buffer, sign: number): boolean {
  if (codes[sign - 1] !== 0x22) return false;
  const last = codes[sign - 2] ?? 0;
  return last !== BACKSLASH && !mayBeSecretName(codes[sign - 3] ?? 0, last);
}

function isBeginning(codes: Buffer, from: number, to: number, at: number, kind: number): boolean {
  switch (kind) {
    case FIELD:
      return isTellingName(codes, from, at);
    case PREFIX:
      return at > from && isPrefix(codes, from, at);
    case JWT:
      return at - 2 >= from && codes[at - 2] === 0x65 && codes[at - 1] === 0x79;
    case CLOUD:
      return isCloudKey(codes[at + 1] ?? 0, codes[at + 2] ?? 0);
    case SCHEME:
      return isScheme(codes, at);
    case URL:
      return at > from && codes[at - 1] === 0x3a && codes[at + 1] === 0x2f && hasPassword(codes, at + 2, to);
    default:
      return true;
  }
}

/** What stands before a `:` or `=`. */
function isTellingName(codes: Buffer, from: number, sign: number): boolean {
  let end = sign;
  while (end > from && sign - end < MAX_SPACES && isSpace(codes[end - 1] ?? 0)) end -= 1;
  const closing = end > from ? codes[end - 1] : 0;
  if (closing === 0x22 || closing === 0x27) {
    end -= 1;
    for (let depth = 0; depth <= MAX_BACKSLASHES && end > from && codes[end - 1] === BACKSLASH; depth += 1) end -= 1;
  }
  // No telling name is shorter.
  if (end - from < 3 || !mayBeSecretName(codes[end - 2] ?? 0, codes[end - 1] ?? 0)) return false;
  return mayEndTelling(codes, from, end) && isTelling(codes, from, end);
}

function mayEndTelling(codes: Buffer, from: number, end: number): boolean {
  const last = codes[end - 1] ?? 0;
  // `12:30`: a number alone, or behind no letter, says nothing.
  if (isDigit(last)) {
    let letters = end;
    while (letters > from && isDigit(codes[letters - 1] ?? 0)) letters -= 1;
    return letters > from && isLetter(codes[letters - 1] ?? 0);
  }
  if (!isLetter(last)) return true;
  const words = ENDS[endingOf(codes[end - 2] ?? 0, last)] ?? [];
  return words.some((word) => endsWith(codes, from, end, word, LOWER));
}

function isTelling(codes: Buffer, from: number, end: number): boolean {
  let start = end;
  while (start > from && end - start < MAX_NAME_CHARACTERS && isNameCharacter(codes[start - 1] ?? 0)) start -= 1;
  // `\ntoken=`: the first letter may be that of an escape.
  if (start > from && codes[start - 1] === BACKSLASH) return true;
  return isSecretName(codes.toString('latin1', start, end));
}

function isPrefix(codes: Buffer, from: number, at: number): boolean {
  // The last dash of `-----BEGIN`.
  if (codes[at + 1] === 0x42 && codes[at - 1] === 0x2d) return true;
  const prefixes = PREFIXES[codes[at - 1] ?? 0] ?? [];
  return prefixes.length > 0 && prefixes.some((prefix) => endsWith(codes, from, at + 1, prefix, 0));
}

/** `fold`: bits that make letters small. */
function endsWith(codes: Buffer, from: number, end: number, word: Buffer, fold: number): boolean {
  const start = end - word.length;
  if (start < from) return false;
  for (let at = 0; at < word.length; at += 1) if (((codes[start + at] ?? 0) | fold) !== word[at]) return false;
  return true;
}

/** `AKIA`, `ASIA`, `AIza` */
function isCloudKey(second: number, third: number): boolean {
  return (third === 0x49 && (second === 0x4b || second === 0x53)) || (second === 0x49 && third === 0x7a);
}

/** `Bearer`, `Basic` */
function isScheme(codes: Buffer, at: number): boolean {
  const second = (codes[at + 1] ?? 0) | LOWER;
  const third = (codes[at + 2] ?? 0) | LOWER;
  const fourth = (codes[at + 3] ?? 0) | LOWER;
  return (
    (second === 0x65 && third === 0x61 && fourth === 0x72) || (second === 0x61 && third === 0x73 && fourth === 0x69)
  );
}

function hasPassword(codes: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const code = codes[at] ?? 0;
    if (code === AT_SIGN) return true;
    if (URL_ENDS[code] === 1) return false;
  }
  return false;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  const lower = code | LOWER;
  return lower >= 0x61 && lower <= 0x7a;
}

function isNameCharacter(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === 0x5f || code === 0x2d || code === 0x2e;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
