import { DEFAULT_ADDRESS_POLICY } from '../mcp/address-policy';
import { findPlaceholders, placeholdersOf } from './config-variables';
import { CheckEnvironment, DefinitionProblem } from './definition-check.types';
import { definitionError } from './definition-problem';
import { checkRules, type DefinitionRules } from './definition-rules';
import { checkProgram } from './program-check';
import { findSecretArgs } from './secret-shapes';
import { ToolConnection, toolNameProblem } from './tool-definition.types';

/** Linux' MAX_ARG_STRLEN: no argument or NAME=value, with its closing NUL, may be longer. */
const MAX_ARGUMENT_BYTES = 128 * 1024;

/** What is wrong with a definition, found without starting anything. */
export async function checkDefinition(
  definition: ToolConnection & { name?: string },
  environment: CheckEnvironment,
  rules: DefinitionRules = { allowInlineCode: false, addresses: DEFAULT_ADDRESS_POLICY },
): Promise<DefinitionProblem[]> {
  const reach =
    definition.transport === 'stdio' ? await checkProgram(definition, environment) : checkRemote(definition);
  return [
    ...checkName(definition.name),
    ...reach,
    ...checkVariables(definition),
    ...checkRules(definition, rules),
    ...checkTexts(definition),
  ];
}

function checkName(name: string | undefined): DefinitionProblem[] {
  const why = name === undefined ? null : toolNameProblem(name);
  if (why === null) return [];
  return [
    definitionError('name', 'name_invalid', `The name ${why}.`, 'Choose a name such as "github" or "my-files-2".'),
  ];
}

function checkRemote(definition: ToolConnection): DefinitionProblem[] {
  const { command, args, cwd, env, transport } = definition;
  const given: [string, boolean][] = [
    ['command', command !== null && command !== ''],
    ['args', args.length > 0],
    ['cwd', cwd !== null && cwd !== ''],
    ['env', Object.keys(env).length > 0],
  ];
  const mismatches = given
    .filter(([, isGiven]) => isGiven)
    .map(([path]) =>
      definitionError(
        path,
        'transport_mismatch',
        `A ${transport} tool is reached by its url; ${path} has no meaning.`,
        `Remove ${path}, or set transport to "stdio" if it is a program to start here.`,
      ),
    );
  return [...mismatches, ...checkUrl(definition.url)];
}

function checkUrl(url: string | null): DefinitionProblem[] {
  if (url === null || url.trim() === '') {
    return [
      definitionError('url', 'url_required', 'A remote tool needs a url.', 'Give it, as in https://example.com/mcp.'),
    ];
  }
  if (!URL.canParse(url)) {
    // A host that is still a placeholder is reported as such.
    if (findPlaceholders(url).length > 0) return [];
    return [
      definitionError(
        'url',
        'url_invalid',
        'This is not a URL.',
        'Give the whole of it, as in https://example.com/mcp.',
      ),
    ];
  }
  return [];
}

function checkVariables(definition: ToolConnection): DefinitionProblem[] {
  return placeholdersOf(definition).map(({ path, name }) =>
    definitionError(
      path,
      'unresolved_variable',
      `\${${name}} has no value.`,
      'Write the value in its place: MCPS.ONE does not fill in variables, neither from its own environment nor from yours.',
    ),
  );
}

function checkTexts(definition: ToolConnection): DefinitionProblem[] {
  return [...checkArguments(definition), ...checkNulBytes(definition), ...checkLengths(definition)];
}

function checkArguments({ transport, command, args }: ToolConnection): DefinitionProblem[] {
  if (transport !== 'stdio' || command === null) return [];
  return findSecretArgs(args).map((index): DefinitionProblem => ({
    path: `args[${index}]`,
    code: 'secret_in_args',
    message: 'This looks like a secret; arguments are shown in clear, here and in the process list.',
    hint: 'Move it to env (encrypted) if the program reads it from there, or to a file whose path is the argument.',
    severity: 'warning',
  }));
}

function checkNulBytes(definition: ToolConnection): DefinitionProblem[] {
  return textsOf(definition)
    .filter(([, text]) => text.includes('\0'))
    .map(([path]) =>
      definitionError(
        path.replaceAll('\0', '\\0'),
        'nul_byte',
        'It holds a NUL character, which no program can be given.',
        'Remove the character; it often comes with text copied from a binary or UTF-16 file.',
      ),
    );
}

function checkLengths(definition: ToolConnection): DefinitionProblem[] {
  if (definition.transport !== 'stdio') return [];
  return textsOf(definition)
    .filter(([path, text]) => /^(?:command|args|env)/.test(path) && Buffer.byteLength(text) >= MAX_ARGUMENT_BYTES)
    .map(([path]) =>
      definitionError(
        path,
        'argument_too_long',
        `It is longer than ${MAX_ARGUMENT_BYTES} bytes, the most that Linux passes to a program.`,
        'Put the content into a file and give its path.',
      ),
    );
}

/** Every text of a connection; of a variable it is `NAME=value`, as the kernel gets it. */
function textsOf({ command, args, cwd, env, url, headers }: ToolConnection): [string, string][] {
  return [
    ['command', command ?? ''],
    ...args.map((text, index): [string, string] => [`args[${index}]`, text]),
    ['cwd', cwd ?? ''],
    ...Object.entries(env).map(([name, text]): [string, string] => [`env.${name}`, `${name}=${text}`]),
    ['url', url ?? ''],
    ...Object.entries(headers).map(([name, text]): [string, string] => [`headers.${name}`, `${name}: ${text}`]),
  ];
}
