import { createHash } from 'node:crypto';

let calls = 0;

/** A text of so many characters that hardly shrinks when compressed, another one each time. */
export function noise(characters: number): string {
  let text = '';
  const call = calls++;
  for (let n = 0; text.length < characters; n++) {
    text += createHash('sha512').update(`${call} ${n}`).digest('base64url');
  }
  return text.slice(0, characters);
}
