import { MASK, redact } from './redaction';

/** Values shorter than this are not searched for: masking every "1" or "yes" would destroy what is recorded. */
const MIN_SECRET_LENGTH = 6;

/**
 * Hides the secret values of a tool wherever they stand in a text, as they are and as JSON writes them, and then whatever
 * is secret by its own look (redaction.ts). Linear in the text for each value; made once a definition, used for each message.
 */
export class SecretMask {
  /** Knows no values; hides what is secret by its look. */
  static readonly NONE = new SecretMask([]);
  private readonly needles: string[];

  constructor(values: Iterable<string>) {
    const needles = new Set<string>();
    for (const value of values) {
      if (value.length < MIN_SECRET_LENGTH) continue;
      for (const spelling of spellings(value)) needles.add(spelling);
      // `Authorization: Bearer xyz`: the token alone is as secret as the header.
      const credential = /^(?:Bearer|Basic|Token)\s+(\S{6,})$/i.exec(value)?.[1];
      if (credential !== undefined) for (const spelling of spellings(credential)) needles.add(spelling);
    }
    // Longest first, so that a value that contains another one is masked whole.
    this.needles = [...needles].sort((a, b) => b.length - a.length);
  }

  /** Whether there are values to be looked for, beside what is secret by its look. */
  get knowsValues(): boolean {
    return this.needles.length > 0;
  }

  /** A plain value with its texts masked. */
  applyToJson<T>(value: T): T {
    const text = JSON.stringify(value);
    const masked = this.apply(text);
    return masked === text ? value : (JSON.parse(masked) as T);
  }

  /** `isPlain`: nothing of the text is secret by its look (secret-hints.ts). */
  apply(text: string, isPlain = false): string {
    let masked = text;
    for (const needle of this.needles) {
      if (masked.includes(needle)) masked = masked.replaceAll(needle, MASK);
    }
    return isPlain && masked === text ? text : redact(masked);
  }
}

/** A value as it is and as the JSON writers of the field write it: also with `\\/` (PHP), in ASCII alone (Python), and twice. */
function spellings(value: string): string[] {
  const json = (text: string) => JSON.stringify(text).slice(1, -1);
  const once = json(value);
  const ascii = once.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [value, once, once.replaceAll('/', '\\/'), ascii, json(once)];
}
