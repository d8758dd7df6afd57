import { withoutNul } from '../common/nul';

/** Largest payload kept whole, in characters; of a larger one the head and the tail are kept. */
export const PAYLOAD_CAP = 64 * 1024;

export interface CappedPayload {
  /** The JSON text to store. */
  text: string;
  truncated: boolean;
}

/** A message as it is stored: whole, or `{head, tail}` as JSON, each half the cap. */
export function capPayload(text: string): CappedPayload {
  const storable = withoutNul(text);
  if (storable.length <= PAYLOAD_CAP) return { text: storable, truncated: false };
  const half = PAYLOAD_CAP / 2;
  return {
    text: JSON.stringify({
      head: wellFormed(storable.slice(0, half)),
      tail: wellFormed(storable.slice(-half)),
    }),
    truncated: true,
  };
}

/** A cut in the middle of a surrogate pair leaves a half that no UTF-8 can hold. */
function wellFormed(text: string): string {
  return text.replace(/^[\uDC00-\uDFFF]/, '').replace(/[\uD800-\uDBFF]$/, '');
}
