/**
 * Which names of fields, variables and headers say that their value is a secret. Whole segments are compared, never parts
 * of words: `accessToken`, `api_key` and `X-API-Key` are secret, `maxTokens`, `monkey` and `tokenType` are not.
 */
const SECRET_WORDS: ReadonlySet<string> = new Set(
  [
    'password pgpassword passwd pwd passphrase passcode secret token apikey accesskey secretkey privatekey authtoken',
    'accesstoken refreshtoken authorization cookie credential credentials jwt bearer',
  ]
    .join(' ')
    .split(' '),
);

/** What makes a `key` a secret one; a key alone is the name of nearly everything. */
const KEY_KINDS: ReadonlySet<string> = new Set(
  'api access private secret auth encryption signing session service account master shared subscription'.split(' '),
);

/** Tokens of the protocol and of paging, which say who waits for what and open nothing. */
const HARMLESS_TOKEN_KINDS: ReadonlySet<string> = new Set(
  'progress page next prev previous continuation cursor sync resume resumption cancel cancellation delta start stop end eos bos pad unk mask sep cls special'.split(
    ' ',
  ),
);

/** Words behind the telling one that change nothing: `password_hash`, `token_value`. */
const SUFFIXES: ReadonlySet<string> = new Set('value hash base64 b64'.split(' '));

/** Everything that a telling name can end with, but for a number behind it. */
export const TELLING_ENDS: readonly string[] = [...SECRET_WORDS, ...SUFFIXES, 'key'];

/** The last two letters of these, in five bits each. */
const ENDINGS = new Uint8Array(1024);
for (const word of TELLING_ENDS) {
  ENDINGS[endingOf(word.charCodeAt(word.length - 2), word.charCodeAt(word.length - 1))] = 1;
}

export function endingOf(lastButOne: number, last: number): number {
  return ((lastButOne & 31) << 5) | (last & 31);
}

/** Turns nearly all names away by their last two characters. */
export function mayBeSecretName(lastButOne: number, last: number): boolean {
  return (last >= 0x30 && last <= 0x39) || ENDINGS[endingOf(lastButOne, last)] === 1;
}

const MAX_REMEMBERED = 2_000;
const remembered = new Map<string, boolean>();

/** Whether what stands under this name is to be hidden. */
export function isSecretName(name: string): boolean {
  const known = remembered.get(name);
  if (known !== undefined) return known;
  // Messages repeat a few names for ever; a stranger's flood of new ones must not fill the memory.
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  const verdict = judge(segmentsOf(name));
  remembered.set(name, verdict);
  return verdict;
}

/** Whether the value is the rest of a line (`Authorization: Digest a="b", c="d"`), not one word. */
export function isHeaderName(name: string): boolean {
  return /(?:authorization|cookie)$/i.test(name);
}

function judge(segments: string[]): boolean {
  while (segments.length > 1 && SUFFIXES.has(segments.at(-1) ?? '')) segments.pop();
  const last = segments.at(-1) ?? '';
  const before = segments.at(-2) ?? '';
  if (last === 'key') return KEY_KINDS.has(before);
  if (last === 'token') return !HARMLESS_TOKEN_KINDS.has(before);
  return SECRET_WORDS.has(last);
}

/** `X-API-Key`, `apiKey`, `api_key2` -> their words in lower case. */
function segmentsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^a-z0-9]/)
    .map((segment) => segment.replace(/[0-9]{1,4}$/, '') || segment)
    .filter((segment) => segment !== '');
}
