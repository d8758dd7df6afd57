import { withoutNul } from '../common/nul';

/** Largest payload kept whole, in characters; of a larger one the head and the tail are kept. */
export const PAYLOAD_CAP = 64 * 1024;
const HALF = PAYLOAD_CAP / 2;

export interface CappedPayload {
  /** The JSON text to store. */
  text: string;
  truncated: boolean;
}

/** A payload on its way to the writer: whole, or the two ends of one that is far too large to be carried there. */
export interface CarriedPayload {
  head: string;
  /** Null: `head` is all of it. */
  tail: string | null;
}

/** Whether a payload is carried whole with any margin: nearly all are. */
export function isCarriedWhole(text: string): boolean {
  return text.length <= PAYLOAD_CAP;
}

/**
 * What is carried of a payload: of a large one each end with `margin` more characters than are kept. A secret that the cut
 * splits can't be recognized any more, so the margin is dropped after masking; it must be longer than any secret.
 */
export function carryPayload(text: string, margin: number): CarriedPayload {
  const piece = HALF + margin;
  if (text.length <= 2 * piece) return { head: text, tail: null };
  return { head: text.slice(0, piece), tail: text.slice(-piece) };
}

/** A message as it is stored, masked by `redact`: whole, or `{head, tail}` as JSON, each half the cap. */
export function capPayload(carried: CarriedPayload, margin: number, redact: (text: string) => string): CappedPayload {
  if (carried.tail === null) return capText(withoutNul(redact(carried.head)));
  const head = withoutNul(redact(carried.head));
  const tail = withoutNul(redact(carried.tail));
  // Masking shortens: what is left of the margin is counted from the cut, whatever came before it.
  const headEnd = Math.max(0, Math.min(HALF, head.length - margin));
  const tailStart = Math.min(tail.length, Math.max(tail.length - HALF, margin));
  return cut(head.slice(0, headEnd), tail.slice(tailStart));
}

/** A text that is masked and whole. */
export function capText(text: string): CappedPayload {
  return text.length <= PAYLOAD_CAP ? { text, truncated: false } : cut(text.slice(0, HALF), text.slice(-HALF));
}

function cut(head: string, tail: string): CappedPayload {
  return { text: JSON.stringify({ head: wellFormed(head), tail: wellFormed(tail) }), truncated: true };
}

/** A cut in the middle of a surrogate pair leaves a half that no UTF-8 can hold. */
function wellFormed(text: string): string {
  return text.replace(/^[\uDC00-\uDFFF]/, '').replace(/[\uD800-\uDBFF]$/, '');
}
