/** Answers at once for a text that V8 keeps with one byte a character; looks for the first other character in those with two. */
const WIDE = /[\u0100-\uffff]/;

/** Bytes of a character of a text. */
export type Width = 1 | 2;

export function widthOf(head: string, tail: string | null): Width {
  return WIDE.test(head) || (tail !== null && WIDE.test(tail)) ? 2 : 1;
}

/** How its text is written, so that it comes back as it was, halves of surrogate pairs included. */
export function encodingOf(width: Width): 'latin1' | 'utf16le' {
  return width === 1 ? 'latin1' : 'utf16le';
}
