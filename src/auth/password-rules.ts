import { COMMON_STEMS, RUNS } from './common-passwords';

/** Shortest and longest new password, in characters. The longest only keeps the hash from being fed megabytes. */
export const MIN_PASSWORD = 12;
export const MAX_PASSWORD = 1000;

/** What a password must have besides the names that everybody knows, in characters. */
const MIN_BESIDES_NAMES = 8;
const PRODUCT = 'mcpsone';

/**
 * Why a new password won't do, completing "newPassword ..."; null when it will. No rules on kinds of characters: they make
 * passwords hard for people and easy for machines (NIST SP 800-63B section 3.1.1.2). Length is checked before.
 */
export function passwordProblem(password: string, names: { username: string; projectName: string }): string | null {
  const plain = lettersAndDigits(password);
  if (isCommon(plain)) return 'is one of the passwords that are tried first; take some words that nobody would expect';
  const known = [names.username, names.projectName, PRODUCT].map(lettersAndDigits).filter((name) => name.length >= 3);
  const rest = known.reduce((text, name) => text.split(name).join(''), plain);
  // Where nothing of the kind is in it, signs and other scripts count as well.
  if (rest !== plain && rest.length < MIN_BESIDES_NAMES) {
    return 'must be more than the user name or the name of this product with something around it';
  }
  return null;
}

function isCommon(plain: string): boolean {
  const stem = plain.replace(/^\d+|\d+$/g, '');
  if (COMMON_STEMS.has(plain) || COMMON_STEMS.has(stem) || isRepeated(plain)) return true;
  const backwards = Array.from(plain).reverse().join('');
  return plain.length > 0 && RUNS.some((run) => run.includes(plain) || run.includes(backwards));
}

/** Up to four characters, again and again. */
function isRepeated(plain: string): boolean {
  return /^(.{1,4})\1*$/u.test(plain) && plain.length > 4;
}

function lettersAndDigits(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}
