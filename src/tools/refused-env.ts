/** Why a variable is not accepted in `env`, and what to do instead. */
export interface EnvRefusal {
  message: string;
  hint: string;
}

interface RefusedVariables {
  names: RegExp;
  why: string;
  hint: string;
}

/**
 * Variables that make a program load code which neither `command` nor `args` shows, so that who reads a definition is
 * misled about what it runs.
 *
 * Not refused, although one may think of them: PYTHONPATH, NODE_PATH, CLASSPATH, PATH (they name folders to look in,
 * as `args` may, and many servers need them), ENV (only interactive shells read it, and `ENV=production` is common),
 * JAVA_TOOL_OPTIONS (the usual place for a heap limit).
 */
const REFUSED: readonly RefusedVariables[] = [
  {
    names: /^(?:LD|DYLD)_/,
    why: 'makes the dynamic linker load foreign code into the program',
    hint: 'Install the library where the linker finds it, or start the program by a script that sets this.',
  },
  {
    names: /^(?:NODE_OPTIONS|BUN_OPTIONS|PERL5OPT|RUBYOPT)$/,
    why: 'adds options that can load code into the interpreter',
    hint: 'Give the options in args, where they can be seen: node --max-old-space-size=512 server.js',
  },
  {
    names: /^(?:PYTHONSTARTUP|BASH_ENV|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|PS4|BASH_FUNC_.*)$/s,
    why: 'runs code when the interpreter starts',
    hint: 'Put what it does into a script of its own and make that the command.',
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
  },
];

/** The refusal of one variable, or null. */
export function envRefusal(name: string): EnvRefusal | null {
  if (name === '' || name.includes('=')) {
    return {
      message: 'is no name of a variable',
      hint: 'Use letters, digits and _, and put the value after the colon.',
    };
  }
  const refused = REFUSED.find(({ names }) => names.test(name));
  return refused ? { message: refused.why, hint: refused.hint } : null;
}
