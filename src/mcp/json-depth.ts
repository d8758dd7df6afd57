/**
 * Whether the JSON in `text` nests arrays and objects deeper than `limit`.
 *
 * JSON.parse takes any depth, but JSON.stringify and every recursive walk (redaction, diffs) overflow the stack from a
 * few thousand levels on, so such a message is refused where it comes in. Text too short to be that deep costs nothing.
 */
export function isNestedDeeperThan(text: string, limit: number): boolean {
  const length = text.length;
  if (length <= 2 * limit) return false;
  let depth = 0;
  let index = 0;
  while (index < length) {
    switch (text.charCodeAt(index)) {
      case 0x22: // a string: brackets in it do not count
        index = endOfString(text, index + 1);
        continue;
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > limit) return true;
        break;
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
    }
    index += 1;
  }
  return false;
}

/** The index after the quote that closes the string whose content begins at `start`. */
export function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start);
  while (quote !== -1) {
    let backslashes = 0;
    while (quote - backslashes > start && text.charCodeAt(quote - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
    quote = text.indexOf('"', quote + 1);
  }
  return text.length;
}
