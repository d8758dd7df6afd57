/** Values shorter than this are not searched for: masking every "1" or "yes" would destroy what is recorded. */
const MIN_SECRET_LENGTH = 6;
const MASK = '***';

/**
 * Replaces the secret values of a tool wherever they stand in a text: as they are and as JSON writes them.
 * Linear in the text for each value; made once a definition, used for each message.
 */
export class SecretMask {
  static readonly NONE = new SecretMask([]);
  private readonly needles: string[];

  constructor(values: Iterable<string>) {
    const needles = new Set<string>();
    for (const value of values) {
      if (value.length < MIN_SECRET_LENGTH) continue;
      needles.add(value);
      needles.add(JSON.stringify(value).slice(1, -1));
      // `Authorization: Bearer xyz`: the token alone is as secret as the header.
      const credential = /^(?:Bearer|Basic|Token)\s+(\S{6,})$/i.exec(value)?.[1];
      if (credential !== undefined) needles.add(credential);
    }
    // Longest first, so that a value that contains another one is masked whole.
    this.needles = [...needles].sort((a, b) => b.length - a.length);
  }

  apply(text: string): string {
    let masked = text;
    for (const needle of this.needles) {
      if (masked.includes(needle)) masked = masked.replaceAll(needle, MASK);
    }
    return masked;
  }
}
