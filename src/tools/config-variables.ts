import { basename } from 'node:path';
import { ToolConnection } from './tool-definition.types';

/**
 * The `${...}` placeholders of client configurations: `${VAR}`, `${VAR:-default}` (Claude Code), `${env:VAR}` (Cursor,
 * Windsurf, VS Code), `${input:id}`, `${workspaceFolder}`, `${file:...}` and whatever else comes in `${}`.
 *
 * None is ever expanded from our own environment: a file of somebody else's must not be able to read the secrets of the
 * manager, so what has no value in the file is left for a human.
 */
interface Placeholder {
  start: number;
  end: number;
  name: string;
  inputId: string | null;
  fallback: string | null;
}

/** One placeholder and where it stands, as in `env.API_KEY` or `args[1]`. */
export interface PlacedPlaceholder {
  path: string;
  name: string;
}

/** The variable names of the placeholders in a text, in order and without duplicates. */
export function findPlaceholders(text: string): string[] {
  return [...new Set(scan(text).map((placeholder) => placeholder.name))];
}

/** The variables that a connection still needs, without duplicates. */
export function unresolvedPlaceholders(connection: ToolConnection): string[] {
  return [...new Set(placeholdersOf(connection).map((placeholder) => placeholder.name))];
}

/** Every placeholder of a connection that nobody will replace. */
export function placeholdersOf(connection: ToolConnection): PlacedPlaceholder[] {
  const { command, args, cwd, env, url, headers } = connection;
  const texts: [string, string][] = [
    ...(command === null ? [] : [['command', command] satisfies [string, string]]),
    ...args.map((text, index): [string, string] => [`args[${index}]`, text]),
    ...(cwd === null ? [] : [['cwd', cwd] satisfies [string, string]]),
    ...Object.entries(env).map(([name, text]): [string, string] => [`env.${name}`, text]),
    ...(url === null ? [] : [['url', url] satisfies [string, string]]),
    ...Object.entries(headers).map(([name, text]): [string, string] => [`headers.${name}`, text]),
  ];
  const expandsItself = isMcpRemote(connection);
  return texts
    .flatMap(([path, text]) => findPlaceholders(text).map((name) => ({ path, name })))
    .filter(({ path, name }) => !(expandsItself && path.startsWith('args[') && Object.hasOwn(env, name)));
}

/** A text with the defaults of `${VAR:-default}` and the given values of `${input:id}` filled in. */
export function fillPlaceholders(text: string, inputs: ReadonlyMap<string, string>): string {
  let filled = '';
  let from = 0;
  for (const { start, end, inputId, fallback } of scan(text)) {
    const value = (inputId === null ? undefined : inputs.get(inputId)) ?? fallback ?? text.slice(start, end);
    filled += text.slice(from, start) + value;
    from = end;
  }
  return filled + text.slice(from);
}

/** The text without its placeholders: what is literally written there. */
export function withoutPlaceholders(text: string): string {
  let literal = '';
  let from = 0;
  for (const { start, end } of scan(text)) {
    literal += text.slice(from, start);
    from = end;
  }
  return literal + text.slice(from);
}

/** mcp-remote alone replaces `${NAME}` in its arguments from its environment, which is how secrets stay out of them. */
function isMcpRemote({ command, args }: ToolConnection): boolean {
  const words = command === null ? args : [basename(command), ...args];
  return words.some((word) => word === 'mcp-remote' || word.startsWith('mcp-remote@'));
}

/** From the closing brace backwards, so that of `${A:-${B}}` it is B which is found. Each character is read twice. */
function scan(text: string): Placeholder[] {
  const found: Placeholder[] = [];
  let from = 0;
  for (let close = text.indexOf('}'); close >= 0; close = text.indexOf('}', from)) {
    const segment = text.slice(from, close);
    const open = segment.lastIndexOf('${');
    const body = segment.slice(open + 2).trim();
    if (open >= 0 && body !== '') found.push({ start: from + open, end: close + 1, ...readBody(body) });
    from = close + 1;
  }
  return found;
}

function readBody(body: string): Pick<Placeholder, 'name' | 'inputId' | 'fallback'> {
  if (body.startsWith('input:')) {
    const inputId = body.slice('input:'.length);
    return { name: inputId, inputId, fallback: null };
  }
  const variable = body.startsWith('env:') ? body.slice('env:'.length) : body;
  const cut = variable.indexOf(':-');
  // `${file:/a:-b}` and `${config:x}` have scopes that know no default.
  if (cut < 0 || variable.slice(0, cut).includes(':')) return { name: variable, inputId: null, fallback: null };
  return { name: variable.slice(0, cut), inputId: null, fallback: variable.slice(cut + 2) };
}
