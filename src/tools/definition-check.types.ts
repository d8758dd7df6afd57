/** Stable words for what is wrong with a definition. */
export type ProblemCode =
  | 'name_invalid'
  | 'command_required'
  | 'command_has_spaces'
  | 'command_not_found'
  | 'command_not_executable'
  | 'cwd_relative'
  | 'cwd_not_found'
  | 'url_required'
  | 'url_invalid'
  | 'url_scheme'
  | 'url_credentials'
  | 'transport_mismatch'
  | 'unresolved_variable'
  | 'secret_in_args'
  | 'inline_code_refused'
  | 'env_refused'
  | 'remote_address_refused'
  | 'nul_byte'
  | 'argument_too_long';

/** One thing that is wrong, as `POST /tools/validate` answers it. */
export interface DefinitionProblem {
  /** Where, as in `env.API_KEY` or `args[1]`. */
  path: string;
  code: ProblemCode;
  message: string;
  /** What to do about it, for a human. */
  hint: string;
  /** A warning doesn't keep a definition from being used. */
  severity: 'error' | 'warning';
}

export type CommandResolution =
  { ok: true; path: string } | { ok: false; code: 'command_not_found' | 'command_not_executable' };

/** What a check has to ask the machine. */
export interface CheckEnvironment {
  /** Finds what would be executed, with the PATH that the tool would get. */
  resolveCommand(command: string, cwd: string | null, env: Record<string, string>): Promise<CommandResolution>;
  isDirectory(path: string): Promise<boolean>;
}
