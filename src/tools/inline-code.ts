import { basename } from 'node:path';

/** An argument by which an interpreter takes code instead of a program's name. */
export interface InlineCode {
  program: string;
  index: number;
  flag: string;
}

/**
 * How one interpreter reads its own arguments, which end at the script (or package): what comes after is the script's
 * business, so `npx -y pkg -c x` is fine and `npx -c x` isn't.
 */
interface Interpreter {
  names: RegExp;
  /** Its arguments that are code, or load a module before the script. */
  code: RegExp;
  /** Its options whose value is the next argument, which would be taken for the script otherwise. */
  withValue: ReadonlySet<string>;
  /** Words before the script that aren't the script. */
  subcommands: ReadonlySet<string>;
  codeSubcommands: ReadonlySet<string>;
}

/** Programs that run the rest of their arguments as another command. */
interface Wrapper {
  names: RegExp;
  code: RegExp;
  withValue: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const NONE: ReadonlySet<string> = new Set();
const NEVER = /^(?!)/;
const noSubcommands = { subcommands: NONE, codeSubcommands: NONE };

const INTERPRETERS: readonly Interpreter[] = [
  {
    names: /^(?:node(?:js)?[0-9.]*|tsx|ts-node(?:-esm)?|electron)$/,
    code: /^(?:-[epr]|-pe|--(?:eval|print|require|import|loader|experimental-loader)(?:=.*)?)$/s,
    withValue: words('-C --conditions --title --env-file --env-file-if-exists --stack-trace-limit -P --project'),
    ...noSubcommands,
  },
  {
    // Deno's -r is --reload and its -c --config.
    names: /^deno$/,
    code: /^(?:-[ep]|--(?:eval|eval-file|print|preload|require|import)(?:=.*)?)$/s,
    withValue: words('-c --config --import-map --lock --cert -L --log-level --location --seed --env-file --ext'),
    subcommands: words('run serve repl'),
    codeSubcommands: words('eval'),
  },
  {
    names: /^bun$/,
    code: /^(?:-[epr]|--(?:eval|print|preload|require|import)(?:=.*)?)$/s,
    withValue: words('-c --config --cwd --env-file --tsconfig-override -d --define -l --loader --conditions'),
    subcommands: words('run'),
    codeSubcommands: words('exec'),
  },
  {
    // Letters in front of the c in one argument are switches (-Bc). After -m the module is the script.
    names: /^(?:python[0-9.]*|pypy[0-9.]*|ipython[0-9.]*|py)$/,
    code: /^-[bBdEiIOPqRsSuvVx]*c/,
    withValue: words('-W -X --check-hash-based-pycs'),
    ...noSubcommands,
  },
  {
    names: /^j?ruby[0-9.]*$/,
    code: /^-[acdhlnpsSuUvwxy]*[er]/,
    withValue: words('-I -C -E -K'),
    ...noSubcommands,
  },
  {
    names: /^perl[0-9.]*$/,
    code: /^-(?:[acnpstTuUwWl0-9]*[eE]|M)/,
    withValue: words('-I'),
    ...noSubcommands,
  },
  {
    names: /^php[0-9.]*$/,
    code: /^(?:-[rBRE]|--(?:run|process-begin|process-code|process-end)(?:=|$))/,
    withValue: words('-c -d -f -z'),
    ...noSubcommands,
  },
  { names: /^lua(?:jit)?[0-9.]*$/, code: /^-[el]/, withValue: NONE, ...noSubcommands },
  { names: /^(?:R|Rscript)$/, code: /^-e/, withValue: NONE, ...noSubcommands },
  {
    names: /^julia$/,
    code: /^(?:-[eELi]|--(?:eval|print|load)(?:=|$))/,
    withValue: words('-J -t -p'),
    ...noSubcommands,
  },
  { names: /^osascript$/, code: /^-e/, withValue: words('-l'), ...noSubcommands },
  {
    names: /^(?:pwsh|powershell)$/,
    code: /^--?(?:c|command|e|ec|enc[a-z]*|cwa|commandwithargs)$/i,
    withValue: words('-ExecutionPolicy -ep -WorkingDirectory -wd -ConfigurationName'),
    ...noSubcommands,
  },
  {
    names: /^fish$/,
    code: /^(?:-[a-z]*[cC]|--(?:command|init-command)(?:=|$))/,
    withValue: words('-d -D -o'),
    ...noSubcommands,
  },
  {
    names: /^(?:ba|z|da|a|k|mk|c|tc)?sh$/,
    code: /^(?:-[A-Za-z]*c|--(?:rcfile|init-file)(?:=|$))/,
    withValue: words('-o +o -O +O'),
    ...noSubcommands,
  },
  {
    // npm's -p is --package. node-options and script-shell bring code in by way of its settings.
    names: /^npx$/,
    code: /^(?:-c|--(?:call|node-options|script-shell)(?:=.*)?)$/s,
    withValue: words('-p --package -w --workspace --registry --cache --userconfig --prefix --loglevel'),
    ...noSubcommands,
  },
  {
    names: /^npm$/,
    code: /^(?:-c|--(?:call|node-options|script-shell)(?:=.*)?)$/s,
    withValue: words('-p --package -w --workspace --registry --cache --userconfig --prefix --loglevel'),
    subcommands: words('exec x'),
    codeSubcommands: NONE,
  },
  {
    names: /^pnp[mx]$/,
    code: /^(?:-c|--(?:shell-mode|node-options|script-shell)(?:=.*)?)$/s,
    withValue: words('-C --dir --package --filter -F --registry --reporter'),
    subcommands: words('exec dlx'),
    codeSubcommands: NONE,
  },
];

const WRAPPERS: readonly Wrapper[] = [
  { names: /^env$/, code: /^(?:-[iv0]*S|--split-string(?:=|$))/, withValue: words('-u --unset -C --chdir') },
  { names: /^nice$/, code: NEVER, withValue: words('-n --adjustment') },
  { names: /^(?:sudo|doas)$/, code: /^(?:-s|--shell)$/, withValue: words('-u -g -C -D') },
  { names: /^(?:nohup|setsid|busybox|stdbuf|time|xvfb-run|catchsegv)$/, code: NEVER, withValue: words('-i -o -e') },
];

/**
 * The first argument that makes an interpreter run code from the definition itself, or null. A seat-belt against
 * definitions whose command line hides what they do, not a boundary: any script can do the same.
 */
export function findInlineCode(command: string, args: readonly string[]): InlineCode | null {
  const program = programName(command);
  const wrapper = WRAPPERS.find(({ names }) => names.test(program));
  if (wrapper) return findInWrapped(program, wrapper, args);
  const interpreter = INTERPRETERS.find(({ names }) => names.test(program));
  return interpreter ? findInOptions(program, interpreter, args) : null;
}

function findInOptions(program: string, interpreter: Interpreter, args: readonly string[]): InlineCode | null {
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const isOption = /^[-+]./.test(argument);
    if (argument === '--') return null;
    if (interpreter.codeSubcommands.has(argument)) return { program, index, flag: argument };
    if (!isOption && !interpreter.subcommands.has(argument)) return null;
    if (!isOption) continue;
    // Node reads --experimental_loader as --experimental-loader.
    const option = argument.startsWith('--') ? withDashes(argument) : argument;
    if (interpreter.code.test(option)) return { program, index, flag: option.split('=', 1)[0] ?? option };
    if (program.startsWith('py') && /^-[A-Za-z]*m/.test(option)) return null;
    if (interpreter.withValue.has(option)) index += 1;
  }
  return null;
}

function findInWrapped(program: string, wrapper: Wrapper, args: readonly string[]): InlineCode | null {
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    if (wrapper.code.test(argument)) return { program, index, flag: argument.slice(0, 20) };
    if (wrapper.withValue.has(argument)) index += 1;
    else if (!argument.startsWith('-') && !/^[A-Za-z_][A-Za-z0-9_]*=/.test(argument)) {
      const inner = findInlineCode(argument, args.slice(index + 1));
      return inner && { ...inner, index: inner.index + index + 1 };
    }
  }
  return null;
}

function programName(command: string): string {
  return basename(command.replaceAll('\\', '/')).replace(/\.(?:exe|cmd|bat|ps1)$/i, '');
}

function withDashes(option: string): string {
  const cut = option.indexOf('=');
  if (cut < 0) return option.replaceAll('_', '-');
  return option.slice(0, cut).replaceAll('_', '-') + option.slice(cut);
}
