import type { FailureRule, Finding } from './failure-finding';

/*
 * Which variable does a program miss? Its name is taken from the words of the program, in the shape that variables have
 * (capitals with an underscore), and only next to words that say "missing". No pattern repeats a repetition.
 */
const NAME = '[A-Z][A-Z0-9]{0,30}_[A-Z0-9_]{1,60}';
const QUOTE = '["\'`]?';
const LIST = `${QUOTE}\\$?\\{?${NAME}\\b\\}?${QUOTE}(?:(?:, and |, or |, | and | or |,|/)${QUOTE}${NAME}\\b${QUOTE}){0,9}`;
/** "environment variable(s)", "env var", in brackets or not. */
const KIND = '(?: \\(?(?:environment|env)(?:[ .-]?var(?:iable)?s?)?\\)?| variables?)?';
const ABSENT = '(?:set|defined|provided|configured|specified|found|present|given|supplied|exported)';
const LACKING = `(?:required|missing|mandatory|undefined|unset|empty|not (?:been |being )?${ABSENT})`;

const PATTERNS: readonly RegExp[] = [
  // "X environment variable is required", "X is not set", "X: required", "X must be set"
  new RegExp(`(${LIST})${KIND}(?: is| are| was| were| has| have|isn't|:| -)?(?: an?)? ${LACKING}\\b`),
  new RegExp(`(${LIST})${KIND} (?:must|needs? to|should|has to|have to)(?: be)? (?:${ABSENT}|non-empty)\\b`),
  // "Missing required environment variable: X", "requires the X environment variable"
  new RegExp(
    `\\b(?:missing|required|requires|undefined|unset|lacks)(?: (?:the|an?|of|following|required|mandatory|api|access|config|configuration|environment|env)){0,4}(?:[ .-]?(?:var(?:iable)?s?|settings?|keys?|tokens?|parameters?)(?:\\(s\\))?)?:? (${LIST})`,
    'i',
  ),
  // "Please set X and Y", "You must provide X"
  new RegExp(
    `\\b(?:please|must|need to|have to)(?: (?:set|provide|specify|define|configure|export|supply))(?: (?:the|an?|your|both|either|valid|environment|env|variables?)){0,4}:? (${LIST})`,
    'i',
  ),
  // "No X provided"
  new RegExp(`\\bno (${LIST})${KIND} (?:was |were )?${ABSENT}\\b`, 'i'),
];

/** The heading of a list: "Missing required environment variables:" */
const HEADING =
  /\b(?:missing|required|invalid|undefined)\b.{0,40}\b(?:environment|env)[ .-]?var(?:iable)?s?\b.{0,40}[:{]\s*$/i;
const LISTED = new RegExp(`^[\\s*•❌✗-]{0,12}${QUOTE}(${NAME})\\b`, 'u');

/** Words of a line that complains without dying of it. */
const SOFT =
  /\b(?:warn|warning|default|defaults|defaulting|optional|optionally|fall(?:ing)? ?back|fallback|using|skip|skipping|skipped|disabled|deprecated|anonymous|anonymously|instead|ignored|ignoring|unless|keyless|continuing|limited|may)\b/i;

const ALL_NAMES = new RegExp(`${NAME}\\b`, 'g');
const MAX_NAMES = 10;

function missing(names: readonly string[]): Finding {
  const [first, ...more] = names;
  if (first === undefined) return { code: 'variable_missing', what: 'a variable that it requires is missing' };
  const list = names.join(', ');
  return more.length === 0
    ? { code: 'variable_missing', what: `the variable ${list} is missing`, hint: `Set ${list} in \`env\` of the tool` }
    : {
        code: 'variable_missing',
        what: `the variables ${list} are missing`,
        hint: `Set ${list} in \`env\` of the tool`,
      };
}

function namesIn(text: string): string[] {
  return [...new Set(text.match(ALL_NAMES) ?? [])].slice(0, MAX_NAMES);
}

/** The names in the lines after a heading, as long as there are some. */
function namesBelow(lines: readonly string[], index: number): string[] {
  const names: string[] = [];
  for (const line of lines.slice(index + 1, index + 1 + MAX_NAMES)) {
    const name = LISTED.exec(line)?.[1];
    if (name === undefined) break;
    names.push(name);
  }
  return names;
}

const inWords: FailureRule = {
  whileAlive: true,
  read: (lines, index) => {
    const line = lines[index] ?? '';
    if (SOFT.test(line)) return null;
    for (const pattern of PATTERNS) {
      const list = pattern.exec(line)?.[1];
      // The patterns that ignore case would take any word for a name: only capitals are one.
      const names = list === undefined ? [] : namesIn(list);
      if (names.length > 0) return missing(names);
    }
    if (!HEADING.test(line)) return null;
    const names = namesBelow(lines, index);
    return names.length === 0 ? null : missing(names);
  },
};

/** `os.environ["X"]` of Python; any other dictionary throws the same error, so the traceback has to name `environ`. */
const pythonKeyError: FailureRule = {
  read: (lines, index) => {
    const name = /^KeyError: '([A-Za-z_][A-Za-z0-9_]{0,80})'$/.exec(lines[index] ?? '')?.[1];
    const traceback = lines.slice(Math.max(0, index - 8), index);
    if (name === undefined || !traceback.some((line) => /\benviron\b|<frozen os>/.test(line))) return null;
    return missing([name]);
  },
};

/** pydantic, where the model is one of settings: "github_token / Field required [type=missing ...". */
const pydantic: FailureRule = {
  read: (lines, index) => {
    if (!/^\s+field required [[(]type=(?:value_error\.)?missing/i.test(lines[index] ?? '')) return null;
    const start = Math.max(0, index - 40);
    const above = lines.slice(start, index + 1);
    const heading = above.findLastIndex((line) =>
      /\bvalidation errors? for \w*(?:settings|config|env|options)/i.test(line),
    );
    if (heading === -1) return null;
    const names = lines.slice(start + heading, index + 1).flatMap((line, at, block) => {
      const isMissing = /^\s+field required\b/i.test(block[at + 1] ?? '');
      const name = isMissing ? /^([A-Za-z_][A-Za-z0-9_]{0,80})$/.exec(line)?.[1] : undefined;
      return name === undefined ? [] : [name.toUpperCase()];
    });
    return names.length === 0 ? null : missing(names);
  },
};

/** zod: `"path": [ "API_KEY" ]` above a message that says that nothing was there. */
const zod: FailureRule = {
  read: (lines, index) => {
    if (!isZodMessage(lines[index] ?? '')) return null;
    const names = lines.slice(Math.max(0, index - 40), index + 1).flatMap((line, at, block) => {
      const name = new RegExp(`^(?:\\s*"path": \\[)?\\s*["'](${NAME})["'](?:\\s*\\],?)?$`).exec(line)?.[1];
      return name !== undefined && block.slice(at + 1, at + 4).some(isZodMessage) ? [name] : [];
    });
    return names.length === 0 ? null : missing([...new Set(names)]);
  },
};

function isZodMessage(line: string): boolean {
  return /"message": "(?:Required|Invalid input: expected \w{1,20}, received undefined)"/.test(line);
}

export const VARIABLE_RULES: readonly FailureRule[] = [inWords, pythonKeyError, pydantic, zod];
