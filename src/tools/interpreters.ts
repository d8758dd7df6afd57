/**
 * How one interpreter reads its own arguments, which end at the script (or package): what comes after is the script's
 * business, so `npx -y pkg -c x` is fine and `npx -c x` isn't.
 */
export interface Interpreter {
  names: RegExp;
  /** Its arguments that are code, or load a module before the script. */
  code: RegExp;
  /** Its options whose value is the next argument, which would be taken for the script otherwise. */
  withValue: ReadonlySet<string>;
  /** Words before the script that aren't the script. */
  subcommands: ReadonlySet<string>;
  codeSubcommands: ReadonlySet<string>;
  /** Whether what follows is another program with its arguments, as in `npx node -e code`. */
  delegates?: boolean;
}

/** Programs that run the rest of their arguments as another command. */
export interface Wrapper {
  names: RegExp;
  code: RegExp;
  withValue: ReadonlySet<string>;
  /** Words of its own before the command, as in `timeout 5 sh`; default 0. */
  ownWords?: number;
  /** Words without which it runs nothing, as in `uv run`. */
  verbs?: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const NONE: ReadonlySet<string> = new Set();
const NEVER = /^(?!)/;
const noSubcommands = { subcommands: NONE, codeSubcommands: NONE };

export const INTERPRETERS: readonly Interpreter[] = [
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
    names: /^(?:python[0-9.]*w?|pypy[0-9.]*|ipython[0-9.]*|pyw?)$/,
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
  { names: /^r(?:script)?$/, code: /^-e/, withValue: NONE, ...noSubcommands },
  {
    names: /^julia$/,
    code: /^(?:-[eELi]|--(?:eval|print|load)(?:=|$))/,
    withValue: words('-J -t -p'),
    ...noSubcommands,
  },
  { names: /^osascript$/, code: /^-e/, withValue: words('-l'), ...noSubcommands },
  {
    names:
      /^(?:elixir|iex|erl|groovy|scala|clj|clojure|guile|racket|sbcl|clisp|swift|ghc|runghc|crystal|nu|xonsh|elvish|ocaml|raku|expect|emacs)$/,
    code: /^(?:-[cex]|--?(?:eval|execute|expr|commands?)(?:=|$))/,
    withValue: NONE,
    ...noSubcommands,
  },
  { names: /^g?make$/, code: /^(?:-E|--eval(?:=|$))/, withValue: words('-C -f -j'), ...noSubcommands },
  // Its first word is a program in itself.
  { names: /^[gmn]?awk$/, code: /^(?!-)|^-e|^--source/, withValue: words('-F -v'), ...noSubcommands },
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
    delegates: true,
  },
  {
    names: /^npm$/,
    code: /^(?:-c|--(?:call|node-options|script-shell)(?:=.*)?)$/s,
    withValue: words('-p --package -w --workspace --registry --cache --userconfig --prefix --loglevel'),
    subcommands: words('exec x'),
    codeSubcommands: NONE,
    delegates: true,
  },
  {
    names: /^pnp[mx]$/,
    code: /^(?:-c|--(?:shell-mode|node-options|script-shell)(?:=.*)?)$/s,
    withValue: words('-C --dir --package --filter -F --registry --reporter'),
    subcommands: words('exec dlx'),
    codeSubcommands: NONE,
    delegates: true,
  },
  {
    names: /^(?:yarn(?:pkg)?|bunx)$/,
    code: NEVER,
    withValue: words('-p --package --cwd'),
    subcommands: words('exec dlx run'),
    codeSubcommands: NONE,
    delegates: true,
  },
  {
    // uv's -c is --constraints.
    names: /^uvx$/,
    code: NEVER,
    withValue: words(
      [
        '--from --with --with-editable --with-requirements -p --python -c --constraints -b -f --find-links --index',
        '--default-index -i --index-url --extra-index-url --directory --project --config-file --cache-dir --env-file',
      ].join(' '),
    ),
    ...noSubcommands,
    delegates: true,
  },
];

export const WRAPPERS: readonly Wrapper[] = [
  { names: /^env$/, code: /^(?:-[iv0]*S|--split-string(?:=|$))/, withValue: words('-u --unset -C --chdir') },
  {
    names: /^(?:su|runuser)$/,
    code: /^(?:-[a-z]*c|--(?:session-)?command(?:=|$))/,
    withValue: words('-s -g -G -u'),
    ownWords: 1,
  },
  { names: /^(?:g?timeout|taskset|chroot)$/, code: NEVER, withValue: words('-s --signal -k'), ownWords: 1 },
  { names: /^flock$/, code: /^(?:-c|--command(?:=|$))/, withValue: words('-w -E'), ownWords: 1 },
  { names: /^script$/, code: /^(?:-[a-z]*c|--command(?:=|$))/, withValue: NONE, ownWords: 1 },
  { names: /^(?:gosu|su-exec)$/, code: NEVER, withValue: NONE, ownWords: 1 },
  { names: /^cmd$/, code: NEVER, withValue: NONE },
  {
    names: /^uv$/,
    code: NEVER,
    withValue: words(
      [
        '--with --with-editable --with-requirements --from -p --python --directory --project --package --extra',
        '--group --index --default-index --config-file --cache-dir --env-file -m --module',
      ].join(' '),
    ),
    verbs: words('run tool'),
  },
  {
    names: /^(?:poetry|pipenv|pdm|hatch|rye|pixi|pipx|conda|mamba|micromamba|mise|asdf|direnv|bundle|volta|fnm)$/,
    code: NEVER,
    withValue: words('-n --name -p --prefix -e --env --spec --python -C --directory --project'),
    verbs: words('run exec x'),
  },
  { names: /^nice$/, code: NEVER, withValue: words('-n --adjustment') },
  { names: /^(?:sudo|doas)$/, code: /^(?:-s|--shell)$/, withValue: words('-u -g -C -D') },
  {
    names:
      /^(?:nohup|setsid|busybox|toybox|stdbuf|time|xvfb-run|catchsegv|tini|dumb-init|ionice|chrt|strace|unbuffer|winpty|xargs)$/,
    code: NEVER,
    withValue: words('-i -o -e -n -p -I -L -P'),
  },
];
