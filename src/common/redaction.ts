import { secretField } from './secret-fields';
import {
  cloudKey,
  jsonWebToken,
  pemKey,
  prefixedToken,
  schemeCredential,
  type Span,
  urlPassword,
} from './secret-tokens';

export const MASK = '***';

/** What may begin, or end the beginning of, something secret, by its character. */
const [FIELD, LOW_LINE, HYPHEN, JWT, CLOUD, SCHEME, URL] = [1, 2, 3, 4, 5, 6, 7];
const KIND = new Uint8Array(128);
const mark = (chars: string, kind: number): void => {
  for (const char of chars) KIND[char.charCodeAt(0)] = kind;
};
mark(':=', FIELD);
mark('_', LOW_LINE);
mark('-', HYPHEN);
mark('J', JWT);
mark('A', CLOUD);
mark('Bb', SCHEME);
mark('/', URL);

/**
 * Hides what is secret by its own look, whoever said it: the values of fields, variables and headers with telling names
 * (secret-names.ts), and credentials of known shapes (secret-tokens.ts). Takes any text; JSON stays JSON.
 *
 * One pass: no expression runs over the text, and what was looked at is not looked at again, so the time grows with the
 * length of the text and no faster, whatever is in it.
 */
export function redact(text: string): string {
  const isJson = looksLikeJson(text);
  const { length } = text;
  let out = '';
  let kept = 0;
  let at = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    const kind = code < 128 ? (KIND[code] ?? 0) : 0;
    if (kind === 0) {
      at += 1;
      continue;
    }
    const span = find(text, at, kind, isJson);
    // What begins in what is hidden already is hidden with it.
    if (span === null || span.from < kept) {
      at += 1;
      continue;
    }
    if (span.to > span.from) {
      out += text.slice(kept, span.from) + (span.instead ?? MASK);
      kept = span.to;
    }
    at = Math.max(span.to, at + 1);
  }
  return kept === 0 ? text : out + text.slice(kept);
}

function find(text: string, at: number, kind: number, isJson: boolean): Span | null {
  switch (kind) {
    case FIELD:
      return secretField(text, at, isJson);
    case LOW_LINE:
      return prefixedToken(text, at, '_');
    case HYPHEN:
      return text.charCodeAt(at + 1) === 0x42 ? pemKey(text, at) : prefixedToken(text, at, '-');
    case JWT:
      return jsonWebToken(text, at);
    case CLOUD:
      return cloudKey(text, at);
    case SCHEME:
      return schemeCredential(text, at);
    default:
      return urlPassword(text, at);
  }
}

/** In JSON a quote that is not escaped ends a text, wherever it stands. A line of a log may begin with a bracket, too. */
function looksLikeJson(text: string): boolean {
  const first = edge(text, 0, 1);
  if (first !== BRACE && first !== BRACKET) return false;
  // Either closing one is two behind its opening one.
  return edge(text, text.length - 1, -1) === first + 2;
}

/** Codes of the opening ones. */
const BRACE = 0x7b;
const BRACKET = 0x5b;

/** The code of the first character from `at` on, in one direction, that is no space; NaN if there is none. */
function edge(text: string, at: number, step: 1 | -1): number {
  let index = at;
  for (;;) {
    const code = text.charCodeAt(index);
    if (code !== 0x20 && code !== 0x09 && code !== 0x0d && code !== 0x0a) return code;
    index += step;
  }
}
