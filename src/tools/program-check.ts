import { isAbsolute } from 'node:path';
import { findPlaceholders } from './config-variables';
import { CheckEnvironment, DefinitionProblem } from './definition-check.types';
import { definitionError } from './definition-problem';
import { ToolConnection } from './tool-definition.types';

/** Where the runners that half of all servers use come from. */
const INSTALL_HINTS: ReadonlyMap<string, string> = new Map([
  ['npx', 'Install Node.js (https://nodejs.org), which brings npx along.'],
  ['node', 'Install Node.js (https://nodejs.org).'],
  ['uvx', 'Install uv (https://docs.astral.sh/uv), which brings uvx along.'],
  ['uv', 'Install uv (https://docs.astral.sh/uv).'],
  ['docker', 'Install Docker, or use podman if that is there.'],
  ['bunx', 'Install Bun (https://bun.sh), or use npx.'],
  ['dnx', 'Install the .NET 10 SDK, which brings dnx along.'],
  ['cmd', 'cmd /c is needed on Windows alone: make the program after it the command, as in npx.'],
]);

/** Whether the program of a stdio tool can be started: its command, its folder, and nothing that is for remotes. */
export async function checkProgram(
  definition: ToolConnection,
  environment: CheckEnvironment,
): Promise<DefinitionProblem[]> {
  const cwdProblems = await checkCwd(definition.cwd, environment);
  const commandProblems = await checkCommand(definition, cwdProblems, environment);
  return [...commandProblems, ...cwdProblems, ...checkMismatch(definition)];
}

function checkMismatch({ url, headers }: ToolConnection): DefinitionProblem[] {
  const given: [string, boolean][] = [
    ['url', url !== null && url !== ''],
    ['headers', Object.keys(headers).length > 0],
  ];
  return given
    .filter(([, isGiven]) => isGiven)
    .map(([path]) =>
      definitionError(
        path,
        'transport_mismatch',
        `A stdio tool is started by its command; ${path} has no meaning.`,
        `Remove ${path}, or set transport to "streamable-http" if the server is reached by a URL.`,
      ),
    );
}

async function checkCwd(cwd: string | null, environment: CheckEnvironment): Promise<DefinitionProblem[]> {
  if (cwd === null || isUncheckable(cwd)) return [];
  if (!isAbsolute(cwd)) {
    return [
      definitionError(
        'cwd',
        'cwd_relative',
        'The folder must be an absolute path.',
        'Let it begin with /; ~ is not expanded.',
      ),
    ];
  }
  if (await environment.isDirectory(cwd)) return [];
  const hint = 'Create it, or correct the path; it must be readable by the user that MCPS.ONE runs as.';
  return [definitionError('cwd', 'cwd_not_found', 'There is no such folder.', hint)];
}

async function checkCommand(
  { command, args, cwd, env }: ToolConnection,
  cwdProblems: readonly DefinitionProblem[],
  environment: CheckEnvironment,
): Promise<DefinitionProblem[]> {
  if (command === null || command.trim() === '') {
    return [
      definitionError(
        'command',
        'command_required',
        'A stdio tool needs a command.',
        'Give it, as in npx or /usr/bin/node.',
      ),
    ];
  }
  if (isUncheckable(command)) return [];
  const [firstWord = ''] = command.split(/\s/, 1);
  const hasSpaces = firstWord !== command;
  // A folder in front may have a space in its name; a bare name on the PATH has none.
  if (hasSpaces && !firstWord.includes('/')) return [shellLine(command, args)];
  // Looked for in a folder that isn't there it is never found, which says nothing new.
  if (cwdProblems.length > 0 && command.includes('/') && !isAbsolute(command)) return [];

  const resolution = await environment.resolveCommand(command, cwd, env);
  if (resolution.ok) return [];
  if (resolution.code === 'command_not_executable') {
    const hint = 'Make it executable (chmod +x), or make its interpreter the command and this the first argument.';
    return [definitionError('command', resolution.code, 'The file is there but can not be executed.', hint)];
  }
  if (hasSpaces) return [shellLine(command, args)];
  const hint =
    INSTALL_HINTS.get(command) ??
    'Install the program, give its full path, or add its folder to the PATH that MCPS.ONE is started with.';
  return [definitionError('command', resolution.code, 'No such program was found.', hint)];
}

/** Shows how to write it, since this is what nearly everybody tries first. */
function shellLine(command: string, args: readonly string[]): DefinitionProblem {
  const message = 'The command holds spaces: it is one program, and no shell reads it.';
  const words = command.length > 500 ? [] : (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map(unquoted);
  const [program, ...rest] = words;
  if (program === undefined) {
    return definitionError(
      'command',
      'command_has_spaces',
      message,
      'Move everything after the program to args, one item each.',
    );
  }
  const hint = `Split it: command ${JSON.stringify(program)}, args ${JSON.stringify([...rest, ...args.slice(0, 20)])}.`;
  return definitionError('command', 'command_has_spaces', message, hint);
}

function unquoted(word: string): string {
  return /^(["']).*\1$/s.test(word) ? word.slice(1, -1) : word;
}

/** Placeholders and NUL characters are problems of their own, and the machine can't be asked about them. */
function isUncheckable(text: string): boolean {
  return text.includes('\0') || findPlaceholders(text).length > 0;
}
