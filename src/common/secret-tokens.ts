/** A part of a text that is to be hidden; where `from` is `to`, nothing is, and the search goes on there. */
export interface Span {
  from: number;
  to: number;
  /** What takes its place, where that is not the mask alone. */
  instead?: string;
}

interface TokenPrefix {
  text: string;
  /** Fewest characters behind it. */
  min: number;
  /** Without a digit it is a name such as `sk-learn-something` or `mcps_recorder_queued`, unless it is very long. */
  needsDigit?: boolean;
}

/** Beginnings of the credentials of well-known services, by the character that they end with. */
const PREFIXES: Readonly<Record<'_' | '-', readonly TokenPrefix[]>> = {
  _: [
    ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'].map((text) => ({ text, min: 20 })), // GitHub
    ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'].map((text) => ({ text, min: 16 })), // Stripe
    { text: 'npm_', min: 30 },
    { text: 'hf_', min: 30 }, // Hugging Face
    { text: 'gsk_', min: 30 }, // Groq
    { text: 'mcps_', min: 20, needsDigit: true }, // our own keys
  ],
  '-': [
    { text: 'sk-', min: 20, needsDigit: true }, // OpenAI, Anthropic
    { text: 'glpat-', min: 16 }, // GitLab
    { text: 'xapp-', min: 10 }, // Slack
    ...['xoxa-', 'xoxb-', 'xoxc-', 'xoxd-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-'].map((text) => ({ text, min: 10 })),
  ],
};

/** All of them. */
export const TOKEN_PREFIXES: readonly string[] = [...PREFIXES._, ...PREFIXES['-']].map(({ text }) => text);

/** What can stand right before the last character of a prefix: turns nearly every `_` and `-` away. */
const BEFORE_LAST = new Uint8Array(128);
for (const text of TOKEN_PREFIXES) BEFORE_LAST[text.charCodeAt(text.length - 2)] = 1;

const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;

/** 1: letters and digits; 2: `_` and `-`; 4: `.`; 8: the rest of base64 and of a bearer token (`+ / = ~`). */
const CLASS = new Uint8Array(128);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789') CLASS[char.charCodeAt(0)] = 1;
for (const char of '_-') CLASS[char.charCodeAt(0)] = 2;
CLASS['.'.charCodeAt(0)] = 4;
for (const char of '+/=~') CLASS[char.charCodeAt(0)] = 8;

const WORD = 1 | 2;
const JWT = WORD | 4;
const CREDENTIAL = JWT | 8;

/** The end of the run of characters of these classes; `\/`, which some JSON writers make of a slash, belongs to it. */
function endOfRun(text: string, from: number, classes: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 128 && ((CLASS[code] ?? 0) & classes) !== 0) continue;
    if ((classes & 8) !== 0 && code === BACKSLASH && text.charCodeAt(at + 1) === 0x2f) continue;
    break;
  }
  return at;
}

/**
 * Whether a word may begin here: nothing but an escape of JSON (`\n`, `\u000a`) or of a URL (`%20`) stands before it that
 * looks like a letter, and it is not itself the letter of an escape.
 */
function startsWord(text: string, at: number): boolean {
  if (at === 0) return true;
  const before = text.charCodeAt(at - 1);
  if (before === BACKSLASH) return backslashesBefore(text, at) % 2 === 0;
  if (before >= 128 || CLASS[before] !== 1) return true;
  const isEscapeLetter = text.charCodeAt(at - 2) === BACKSLASH && 'nrtbf'.includes(text.charAt(at - 1));
  return isEscapeLetter || text.startsWith('\\u', at - 6) || text.charAt(at - 3) === '%';
}

/** Every run of backslashes is counted for one place alone, so the time stays linear. */
export function backslashesBefore(text: string, at: number): number {
  let count = 0;
  while (text.charCodeAt(at - 1 - count) === BACKSLASH) count += 1;
  return count;
}

/** A token whose prefix ends here, with `_` or `-`. */
export function prefixedToken(text: string, at: number, char: '_' | '-'): Span | null {
  if (BEFORE_LAST[text.charCodeAt(at - 1)] !== 1) return null;
  for (const { text: prefix, min, needsDigit } of PREFIXES[char]) {
    const from = at + 1 - prefix.length;
    if (!text.startsWith(prefix, from) || !startsWord(text, from)) continue;
    const to = endOfRun(text, at + 1, WORD);
    const isRandom = needsDigit !== true || to - at > 40 || /[0-9]/.test(text.slice(from, to));
    const isToken = to - at > min && isRandom;
    return { from: isToken ? from : to, to };
  }
  return null;
}

/** A JSON Web Token (RFC 7519), of whose `eyJ` this is the `J`. */
export function jsonWebToken(text: string, at: number): Span | null {
  const from = at - 2;
  if (!text.startsWith('eyJ', from) || !startsWord(text, from)) return null;
  const to = endOfRun(text, at, JWT);
  const isToken = /^[^.]{8,}\.[^.]{5,}\./.test(text.slice(from, to));
  return { from: isToken ? from : to, to };
}

/** An access key of AWS (`AKIA`, `ASIA`) or Google (`AIza`) that begins here. */
export function cloudKey(text: string, at: number): Span | null {
  const isAws = text.startsWith('AKIA', at) || text.startsWith('ASIA', at);
  if ((!isAws && !text.startsWith('AIza', at)) || !startsWord(text, at)) return null;
  const to = endOfRun(text, at, WORD);
  const isKey = isAws ? to - at === 20 && /^[A-Z0-9]+$/.test(text.slice(at, to)) : to - at >= 34;
  return { from: isKey ? at : to, to };
}

/** What follows `Bearer` or `Basic` here, where it looks like a credential and not like prose. */
export function schemeCredential(text: string, at: number): Span | null {
  const second = text.charCodeAt(at + 1) | 0x20;
  if (second !== 0x65 && second !== 0x61) return null;
  const scheme = text.slice(at, at + 6).toLowerCase();
  const length = scheme === 'bearer' ? 6 : scheme.startsWith('basic') ? 5 : 0;
  if (length === 0 || text.charAt(at + length) !== ' ' || !startsWord(text, at)) return null;
  let from = at + length;
  while (text.charAt(from) === ' ') from += 1;
  const to = endOfRun(text, from, CREDENTIAL);
  return { from: to - from >= 8 && looksRandom(text, from, to) ? from : to, to };
}

/** A private key in PEM (RFC 7468), whose `-----BEGIN` has its last dash here: up to its end, or as far as it goes. */
export function pemKey(text: string, at: number): Span | null {
  const from = at - 4;
  if (!text.startsWith('-----BEGIN ', from)) return null;
  const dashes = text.indexOf('-----', at + 6);
  if (dashes < 0 || dashes - at > 60 || !/^[A-Z0-9 ]*PRIVATE KEY$/.test(text.slice(at + 7, dashes))) return null;
  const to = endOfPem(text, dashes + 5);
  return { from, to };
}

/** Base64, line ends (also as JSON writes them), the headers of old files, and the closing line. */
function endOfPem(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    if (text.startsWith('-----END', at)) {
      const close = text.indexOf('-----', at + 8);
      return close - at < 60 && /^[A-Z0-9 ]*$/.test(text.slice(at + 8, close)) ? close + 5 : at;
    }
    const code = text.charCodeAt(at);
    if (code === BACKSLASH) {
      const run = runOfBackslashes(text, at);
      // A quote behind it closes the text that the key stands in.
      if (text.charCodeAt(at + run) === DOUBLE_QUOTE || !'nrt/'.includes(text.charAt(at + run))) return at;
      at += run + 1;
    } else if (isPemCharacter(code)) at += 1;
    else return at;
  }
  return at;
}

function runOfBackslashes(text: string, from: number): number {
  let count = 0;
  while (text.charCodeAt(from + count) === BACKSLASH) count += 1;
  return count;
}

function isPemCharacter(code: number): boolean {
  if (code >= 128) return false;
  const isSpace = code === 0x20 || (code >= 0x09 && code <= 0x0d);
  // `:` and `,` are of `Proc-Type: 4,ENCRYPTED`.
  return isSpace || code === 0x3a || code === 0x2c || (CLASS[code] ?? 0) !== 0;
}

/** The password in `scheme://user:password@host`, whose second slash but one is here. */
export function urlPassword(text: string, at: number): Span | null {
  if (text.charCodeAt(at - 1) !== 0x3a || text.charCodeAt(at + 1) !== 0x2f) return null;
  let colon = -1;
  for (let end = at + 2; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === ':' && colon < 0) colon = end;
    else if (char === '@') return colon < 0 || end - colon < 2 ? null : { from: colon + 1, to: end };
    else if (' /?#"\'<>\\\n\r\t'.includes(char)) return null;
  }
  return null;
}

/** Whether a word is rather a credential than prose: it has a digit, mixed case inside, or is very long. */
export function looksRandom(text: string, from: number, to: number): boolean {
  return to - from >= 24 || /[0-9=]|[a-z][A-Z]/.test(text.slice(from, Math.min(to, from + 64)));
}
