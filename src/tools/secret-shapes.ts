import { withoutPlaceholders } from './config-variables';

/**
 * Recognizes arguments that look like a credential, for a warning: arguments are shown in clear, in our pages as in the
 * process list of the machine.
 *
 * Every expression looks at one word from its beginning and has no two neighbouring repetitions of the same characters,
 * so the time grows with the length of the argument and no faster.
 */
const TOKEN_SHAPES: readonly RegExp[] = [
  /^gh[pousr]_[A-Za-z0-9]{20}/, // GitHub
  /^github_pat_[A-Za-z0-9_]{20}/,
  /^glpat-[A-Za-z0-9_-]{16}/, // GitLab
  /^sk-(?=[A-Za-z_-]{0,100}[0-9])[A-Za-z0-9_-]{20}/, // OpenAI, Anthropic; the digit keeps out words like sk-learn-...
  /^[sr]k_(?:live|test)_[A-Za-z0-9]{16}/, // Stripe
  /^xox[a-z]-[A-Za-z0-9-]{10}/, // Slack
  /^xapp-[A-Za-z0-9-]{10}/,
  /^(?:AKIA|ASIA)[A-Z0-9]{16}$/, // AWS
  /^AIza[A-Za-z0-9_-]{30}/, // Google
  /^npm_[A-Za-z0-9]{30}/,
  /^hf_[A-Za-z0-9]{30}/,
  /^mcps_[A-Za-z0-9_-]{20}/, // our own keys
  /^eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*$/, // JWT
];

const WORD_BREAK = /[^A-Za-z0-9._-]+/;
const URL_PASSWORD = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s/?#@:]*:[^\s/?#@]+@/;
const BEARER = /^(?:authorization\s*[:=]\s*)?bearer\s+\S{8}/i;

const PASSWORD_OPTION = /^--?(?:[a-z0-9]+[-_])*(?:password|passwd|passphrase)$/i;
const TOKEN_OPTION =
  /^--?(?:[a-z0-9]+[-_])*(?:token|secret|credentials?|pat|apikey|(?:api|access|private|auth|secret)[-_]?key)$/i;
const RANDOM_TEXT = /^[A-Za-z0-9+/_.-]{16,}={0,2}$/;

/** The indexes of the arguments that look like a secret. */
export function findSecretArgs(args: readonly string[]): number[] {
  return args.flatMap((argument, index) => {
    const literal = withoutPlaceholders(argument);
    const isSecret = hasSecretShape(literal) || isOptionValue(literal, args[index - 1]);
    return isSecret ? [index] : [];
  });
}

/** Whether a known kind of credential stands somewhere in a text. */
export function hasSecretShape(text: string): boolean {
  if (text.split(WORD_BREAK).some((word) => TOKEN_SHAPES.some((shape) => shape.test(word)))) return true;
  // Also behind a name, as in --dsn=postgres://... or DATABASE_URL=postgres://...
  const values = [text, text.slice(text.indexOf('=') + 1)];
  return values.some((value) => URL_PASSWORD.test(value) || BEARER.test(value));
}

/** `--api-key VALUE` and `--api-key=VALUE`. */
function isOptionValue(argument: string, previous: string | undefined): boolean {
  const cut = argument.indexOf('=');
  if (argument.startsWith('-')) return cut > 0 && isSecretFor(argument.slice(0, cut), argument.slice(cut + 1));
  return previous !== undefined && isSecretFor(previous, argument);
}

function isSecretFor(option: string, value: string): boolean {
  if (option.length > 100 || value === '') return false;
  if (PASSWORD_OPTION.test(option)) return true;
  if (!TOKEN_OPTION.test(option)) return false;
  // A file that holds the token is the right way to do it.
  const isPath = /^(?:\/|\.{1,2}\/|~)/.test(value);
  return !isPath && /\d/.test(value) && RANDOM_TEXT.test(value);
}
