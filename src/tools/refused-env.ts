/** Why a variable is not accepted in `env`, and what to do instead. */
export interface EnvRefusal {
  message: string;
  hint: string;
  /** Whether an administrator can allow it (`tools.allowInlineCode`). */
  isOptional: boolean;
}

interface RefusedVariables {
  names: RegExp;
  why: string;
  hint: string;
  /** Default: whatever the value is. */
  values?: RegExp;
  isNever?: boolean;
}

/**
 * Variables that make a program, or the launcher before it, run code which neither `command` nor `args` shows, while their
 * values are shown to nobody: who reads a definition would be misled about what it runs.
 *
 * Not refused, although one may think of them: PYTHONPATH, NODE_PATH, CLASSPATH, RUBYLIB (they name folders to look in, as
 * `args` may, and many servers need them), HOME, and ENV where it holds no path (`ENV=production` is common).
 */
const REFUSED: readonly RefusedVariables[] = [
  {
    names: /^(?:LD|DYLD)_|^(?:GCONV_PATH|GLIBC_TUNABLES)$/,
    why: 'makes the dynamic linker load foreign code into the program',
    hint: 'Install the library where the linker finds it, or start the program by a script that sets this.',
  },
  {
    names: /^(?:PATH|PATHEXT|COMSPEC)$/i,
    why: 'decides which program the command is, and its value is not shown',
    hint: 'Give the command by its absolute path, or set PATH where MCPS.ONE itself is started.',
  },
  {
    names:
      /^(?:NODE_OPTIONS|NODE_REPL_EXTERNAL_MODULE|BUN_OPTIONS|DENO_REPL_.*|PERL5OPT|PERL5DB|RUBYOPT|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|ERL_[AZ]?FLAGS|ELIXIR_ERL_OPTIONS)$/,
    why: 'adds options that can load code into the interpreter',
    hint: 'Give the options in args, where they can be seen: node --max-old-space-size=512 server.js',
  },
  {
    names:
      /^(?:PYTHONSTARTUP|PYTHONHOME|PYTHONINSPECT|BASH_ENV|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|PS4|ZDOTDIR|BASH_FUNC_.*|PHPRC|PHP_INI_SCAN_DIR|LUA_INIT.*|R_PROFILE.*|R_ENVIRON.*|DOTNET_STARTUP_HOOKS|COR(?:ECLR)?_PROFILER.*|DOTNET_ADDITIONAL_DEPS)$/s,
    why: 'runs code when the interpreter starts',
    hint: 'Put what it does into a script of its own and make that the command.',
  },
  {
    names: /^ENV$/,
    values: /[/\\$`]/,
    why: 'names a file that a shell runs when it starts',
    hint: 'Put what it does into a script of its own and make that the command.',
  },
  {
    names:
      /^(?:GIT_(?:SSH|SSH_COMMAND|EXEC_PATH|EXTERNAL_DIFF|PAGER|EDITOR|SEQUENCE_EDITOR|ASKPASS|PROXY_COMMAND|TEMPLATE_DIR|CONFIG|CONFIG_.*)|SSH_ASKPASS)$/,
    why: 'names a program or a configuration that git runs, as launchers do to fetch packages',
    hint: 'Configure git for the user that MCPS.ONE runs as.',
  },
  {
    // npm reads them in any case and with - for _. What only says where and how to download is useful and stays.
    names:
      /^npm_config_(?!(?:(?:@[^:]+:)?registry|cache|cafile|strict[-_]ssl|(?:https?[-_])?proxy|noproxy|loglevel|yes|fund|audit|offline|prefer[-_]offline|update[-_]notifier|\/\/.*)$)/i,
    why: 'changes what npm runs (script-shell, node-options, call, userconfig, ...)',
    hint: 'Only registry, cache, proxy, TLS and output settings of npm are accepted here; give others in args.',
  },
  {
    names: /^MCPS_INSTANCE$/,
    why: 'is the mark by which MCPS.ONE finds its own processes again',
    hint: 'Remove it: MCPS.ONE sets it itself.',
    isNever: true,
  },
];

/** The refusal of one variable, or null. */
export function envRefusal(name: string, value: string): EnvRefusal | null {
  if (name === '' || name.includes('=')) {
    return {
      message: 'is no name of a variable',
      hint: 'Use letters, digits and _, and put the value after the colon.',
      isOptional: false,
    };
  }
  const refused = REFUSED.find(({ names, values }) => names.test(name) && (values?.test(value) ?? true));
  return refused ? { message: refused.why, hint: refused.hint, isOptional: refused.isNever !== true } : null;
}
