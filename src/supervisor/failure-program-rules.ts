import { type FailureRule, type Finding, lineRule, quoted } from './failure-finding';

/*
 * The last words of programs and their runtimes, from the most special to the most general. Each pattern is as
 * long as it has to be so that a line of an ordinary log does not match: better no reason than a wrong one. None
 * repeats a repetition, so that each is linear in the line.
 */
const runtimeTooOld = (what: string): Finding => ({ code: 'runtime_too_old', what });

/** Of a program that still lives: what it is busy with. */
export const WAITING_RULES: readonly FailureRule[] = [
  {
    whileAlive: true,
    read: (lines, index) => {
      const line = lines[index] ?? '';
      const said =
        /\b(?:authoriz|authenticat|log ?in|sign ?in)[^:]{0,80}\b(?:visit(?:ing)?|open|go to|browse to|browser|url|link)\b/i.test(
          line,
        ) ||
        /\b(?:visit(?:ing)?|open|go to|browse to|use a web browser)\b.{0,120}\b(?:authoriz|authenticat|log ?in|sign ?in)/i.test(
          line,
        ) ||
        /\b(?:waiting for|awaiting) (?:\w{1,20} ){0,3}(?:authoriz|authenticat|log ?in|sign ?in|oauth)/i.test(line) ||
        /https:\/\/\S{0,200}\/(?:devicelogin|login\/device|oauth2?\/(?:v\d\/)?auth(?:orize)?)\b/i.test(line);
      const isNews = /\b(?:success|successful|successfully|complete|completed|already|no longer)\b/i.test(line);
      return said && !isNews ? { code: 'login_required', what: 'it asks somebody to log in with a browser' } : null;
    },
  },
  lineRule(
    /\b(?:not|aren't|isn't) (?:currently )?(?:logged|signed) in\b.{0,200}\b(?:run|login|log in|sign in)\b|\b[Pp]lease (?:run|use)\b.{0,40}\b(?:login|auth)\b/,
    () => ({ code: 'login_required', what: 'nobody has logged in yet' }),
    { whileAlive: true },
  ),
];

const CREDENTIALS: readonly RegExp[] = [
  /\b(?:status(?: code)?|HTTP(?:\/[\d.]{1,3})?|response|error)[ :=(]{1,3}401\b/i,
  /\b401\b[ :,("-]{1,3}(?:unauthori[sz]ed|authentication|invalid)/i,
  /\b(?:invalid|incorrect|wrong|bad|expired|revoked)(?: or (?:expired|missing|revoked))? (?:api|access|auth|authentication|authorization|bearer|personal access|bot|refresh|client)[ _-]?(?:key|token|secret|id)\b/i,
  /\b(?:invalid|incorrect|wrong|bad|expired|revoked) (?:credentials|password|username or password)\b/i,
  /\b(?:api[ _-]?key|access token|auth token|token|credentials)\b.{0,20} (?:is|are|was|has|have)(?: been)? (?:invalid|incorrect|expired|revoked|rejected|refused)\b/i,
  /\b(?:password authentication failed for user|Access denied for user|authentication failed for)\b/i,
  /\b(?:invalid_auth|not_authed|invalid_grant|invalid_client|token_expired|token_revoked|invalid_api_key)\b/,
  /^(?:\w{0,30}Error: )?Unauthori[sz]ed(?:\b.{0,3}$|: )/,
];
const NOT_FATAL =
  /\b(?:warn|warning|optional|retry|retrying|fall(?:ing)? ?back|anonymous|anonymously|skip|skipping|ignored|ignoring|continuing)\b/i;

/** Programs and their runtimes. */
export const PROGRAM_RULES: readonly FailureRule[] = [
  ...CREDENTIALS.map((pattern): FailureRule => ({
    whileAlive: true,
    read: (lines, index) => {
      const line = lines[index] ?? '';
      if (!pattern.test(line) || NOT_FATAL.test(line)) return null;
      return { code: 'credentials_refused', what: 'a service that it uses refuses its credentials' };
    },
  })),
  lineRule(
    /\bJavaScript heap out of memory\b|^MemoryError\b|^(?:fatal error: )?runtime: out of memory\b|\bjava\.lang\.OutOfMemoryError\b|^memory allocation of \d+ bytes failed|\bCannot allocate memory\b|\bENOMEM\b|\boom-kill\b/,
    () => ({
      code: 'out_of_memory',
      what: 'it ran out of memory',
    }),
  ),
  lineRule(
    /\bENOSPC: no space left on device\b|\bNo space left on device\b|\bdatabase or disk is full\b|^npm (?:error|ERR!) code ENOSPC\b/,
    () => ({
      code: 'disk_full',
      what: 'there is no space left on the disk',
    }),
  ),
  lineRule(/\bEMFILE: too many open files\b|\bToo many open files\b/, () => ({
    code: 'too_many_files',
    what: 'it may open no more files',
  })),
  {
    whileAlive: true,
    read: (lines, index) => {
      const line = lines[index] ?? '';
      if (
        !/\bEADDRINUSE: |\b[Aa]ddress already in use\b/.test(line) ||
        /\b(?:trying|retry|retrying|instead|next port|another port)\b/i.test(line)
      )
        return null;
      const port = /:(\d{2,5})\b(?!.*:\d{2,5}\b)/.exec(line)?.[1] ?? /', (\d{2,5})\)/.exec(line)?.[1];
      return port === undefined
        ? { code: 'port_in_use', what: 'the port that it wants is in use' }
        : {
            code: 'port_in_use',
            what: `port ${port} is in use`,
            hint: `Give it another port than ${port}, or end what holds that one`,
          };
    },
  },
  lineRule(
    /\bE(?:ACCES|PERM): (?:permission denied|operation not permitted), (?:\w{1,20}) '([^']{1,300})'|^PermissionError: \[Errno 1?3?1?\] [^:]{1,40}: '([^']{1,300})'/,
    ([, a, b]) => ({
      code: 'permission_denied',
      what: `the system denies it ${quoted(a ?? b)}`,
    }),
  ),
  lineRule(/\b(?:listen|bind) E(?:ACCES|PERM): permission denied (\S{1,100})/, ([, address]) => ({
    code: 'permission_denied',
    what: `the system does not let it listen on ${quoted(address)}`,
  })),
  lineRule(/^npm (?:error|ERR!) code E(?:ACCES|PERM|ROFS)\b/, () => ({
    code: 'permission_denied',
    what: 'npm may not write into its cache or folder',
  })),
  lineRule(/\bNo such built-in module: (\S{1,60})/, ([, name]) =>
    runtimeTooOld(`its Node.js does not have the module ${quoted(name)} yet`),
  ),
  lineRule(
    /\b(?:requires|needs|wants) (?:at least )?(Node(?:\.js|JS)?(?: version)? ?(?:[<>=^~v]{0,3}) ?v?\d[\w.<>=|^~ -]{0,40})/i,
    ([, wants]) => runtimeTooOld(`it wants ${(wants ?? 'another Node.js').trim()}`),
  ),
  lineRule(
    /\b(?:requires|needs|wants) (?:at least )?(Python(?: version)? ?(?:[<>=^~]{0,3}) ?\d[\w.<>= -]{0,20})/,
    ([, wants]) => runtimeTooOld(`it wants ${(wants ?? 'another Python').trim()}`),
  ),
  lineRule(/\[ERR_REQUIRE_ESM\]/, () => runtimeTooOld('its Node.js cannot load an ES module this way yet')),
  lineRule(
    /^TypeError: unsupported operand type\(s\) for \|: 'type' and |^ImportError: cannot import name '\w{1,60}' from '(?:typing|asyncio|collections\.abc|datetime|enum)'/,
    () => runtimeTooOld('it wants a newer Python'),
  ),
  {
    read: (lines, index) => {
      const line = lines[index] ?? '';
      if (/\b(?:optional|warn|warning|skipping)\b/i.test(line)) return null;
      const name =
        /\bError(?: \[ERR_MODULE_NOT_FOUND\])?: Cannot find (?:module|package) '([^']{1,300})'/.exec(line)?.[1] ??
        /^ModuleNotFoundError: No module named '([^']{1,200})'/.exec(line)?.[1] ??
        /\bpython[\d.]{0,6}(?:\.exe)?: No module named ([\w.-]{1,200})$/.exec(line)?.[1] ??
        /\bpython[\d.]{0,6}(?:\.exe)?: can't open file '([^']{1,300})'/.exec(line)?.[1];
      return name === undefined ? null : { code: 'module_not_found', what: `${quoted(name)} was not found` };
    },
  },
  lineRule(
    /^SyntaxError: (?!.*\bJSON\b)(?:Unexpected (?:token|identifier|reserved word|strict mode|end of input)|Invalid or unexpected token|missing \) |invalid syntax|Cannot use import statement|invalid non-printable|f-string|expected ':')/,
    () => ({
      code: 'syntax_error',
      what: 'its interpreter could not read it',
    }),
  ),
  lineRule(
    /\b(?:connect|getaddrinfo) (ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH) (\S{1,150})/,
    ([, why, where]) => ({
      code: 'upstream_unreachable',
      what: `a service that it uses could not be reached (${why ?? ''} ${where ?? ''})`,
    }),
  ),
  lineRule(
    /^(?:\w{1,40}\.){0,6}(?:ConnectionRefusedError|ConnectError|ConnectTimeout|OperationalError|NewConnectionError|MaxRetryError|gaierror)\b.{0,300}\b(?:[Cc]onnection refused|Name or service not known|[Tt]emporary failure in name resolution|timed out|All connection attempts failed)/,
    () => ({
      code: 'upstream_unreachable',
      what: 'a service that it uses could not be reached',
    }),
  ),
];

/** Believed only if nothing stronger was said: many programs print their usage after the reason. */
export const WEAK_RULES: readonly FailureRule[] = [
  lineRule(/\berror: the following arguments are required: (.{1,200})$/, ([, names]) => ({
    code: 'wrong_arguments',
    what: `it wants the arguments ${quoted(names)}`,
    hint: `Add ${quoted(names)} to \`args\``,
  })),
  lineRule(
    /\b(?:unrecognized arguments?:|unknown (?:option|flag|argument|command):?|no such option:|bad option:|unexpected argument|unknown shorthand flag:|flag provided but not defined:) ?(\S{1,100})/i,
    ([, name]) => ({
      code: 'wrong_arguments',
      what: `it does not know the argument ${quoted(name?.replace(/^['"`]|['"`.,]+$/g, ''))}`,
    }),
  ),
  lineRule(
    /\b(?:missing (?:required )?(?:argument|option|parameter)|(?:provide|specify|supply)\b.{0,60}\b(?:command[- ]line )?(?:argument|parameter)|required (?:option|argument|flag)\b.{0,80}\b(?:not (?:specified|provided|set|given)|missing))\b/i,
    () => ({
      code: 'wrong_arguments',
      what: 'an argument that it requires is missing',
    }),
  ),
];
