import { posix, win32 } from 'node:path';
import { isRecord, quoted, readText, readTextList, readTextMap, JsonRecord } from './config-shape';
import { fillPlaceholders, findPlaceholders } from './config-variables';
import { UnreadableEntryError } from './import.errors';
import { EntryReading } from './import.types';
import { ToolConnection, ToolTransport } from './tool-definition.types';

/** The longest delay that a Node timer can hold. */
const MAX_TIMEOUT_MS = 2_147_483_647;

const READ_KEYS = new Set(
  'type transport command args env cwd url serverUrl headers timeout disabled enabled description'.split(' '),
);

/** Settings whose absence changes what the server can do, so each gets its own note; the others share one. */
const UNSUPPORTED = new Map([
  ['envFile', 'envFile is not read: give its variables in env'],
  ['headersHelper', 'headersHelper is not run: give its headers in headers'],
  ['oauth', 'oauth is not supported: give a token in headers'],
  ['auth', 'auth is not supported: give a token in headers'],
  ['sandbox', 'sandbox is not applied: the program runs with the rights of MCPS.ONE'],
  ['sandboxEnabled', 'sandboxEnabled is not applied: the program runs with the rights of MCPS.ONE'],
]);

/**
 * One server of a client's file: Claude Desktop, Claude Code, Cursor, Windsurf, Copilot or VS Code, whose fields differ
 * less than their root keys do. `inputs` are the values known for VS Code's `${input:id}`.
 */
export function readClientEntry(entry: unknown, inputs: ReadonlyMap<string, string>): EntryReading {
  if (!isRecord(entry)) throw new UnreadableEntryError('must be an object with a command or a url');
  const notes: string[] = [];
  const given = readGiven(entry, inputs, notes);
  const transport = transportOf(readText(entry.type ?? entry.transport, 'type'), given);
  const connection = transport === 'stdio' ? stdioOf(given, notes) : remoteOf(given, transport, notes);
  const timeoutMs = timeoutOf(entry.timeout, notes);
  noteUnusedKeys(entry, notes);
  const isOff = entry.disabled === true || entry.enabled === false;
  return {
    connection,
    description: typeof entry.description === 'string' ? entry.description : '',
    ...(timeoutMs === null ? {} : { timeoutMs }),
    enabled: !isOff && !hasRelativeCwd(connection),
    notes,
  };
}

type GivenConnection = Omit<ToolConnection, 'transport'>;

function readGiven(entry: JsonRecord, inputs: ReadonlyMap<string, string>, notes: string[]): GivenConnection {
  const fill = (text: string): string => {
    const filled = fillPlaceholders(text, inputs);
    const left = new Set(findPlaceholders(filled));
    for (const name of findPlaceholders(text)) if (!left.has(name)) notes.push(`\${${name}}: its default was used`);
    return filled;
  };
  const fillOptional = (text: string | null): string | null => (text === null ? null : fill(text));
  const fillMap = (map: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(map).map(([name, text]) => [name, fill(text)]));
  return {
    command: fillOptional(readText(entry.command, 'command')),
    args: readTextList(entry.args, 'args').map(fill),
    cwd: fillOptional(readText(entry.cwd, 'cwd')),
    env: fillMap(readTextMap(entry.env, 'env')),
    url: fillOptional(readText(entry.url ?? entry.serverUrl, 'url')),
    headers: fillMap(readTextMap(entry.headers, 'headers')),
  };
}

/** What Claude Code and VS Code call `http` is streamable HTTP; without a type it is what the fields suggest. */
function transportOf(type: string | null, { command, url }: GivenConnection): ToolTransport {
  if (type === null && command !== null) return 'stdio';
  if (type === null && url === null) throw new UnreadableEntryError('has neither a command nor a url');
  if (type === null) return isSsePath(url ?? '') ? 'sse' : 'streamable-http';
  switch (type.toLowerCase().replace(/[-_]/g, '')) {
    case 'stdio':
    case 'local': // Copilot's word for it
      return 'stdio';
    case 'http':
    case 'streamablehttp':
      return 'streamable-http';
    case 'sse':
      return 'sse';
    case 'ws':
    case 'websocket':
      throw new UnreadableEntryError('WebSocket servers (type ws) are not supported');
    default:
      throw new UnreadableEntryError(`type ${quoted(type)} is not known (stdio, http, streamable-http or sse)`);
  }
}

/** The old HTTP+SSE transport has no mark of its own in a file, but nearly always this path. */
export function isSsePath(url: string): boolean {
  const [path = ''] = url.split(/[?#]/, 1);
  return path.endsWith('/sse') || path.endsWith('/sse/');
}

function stdioOf(given: GivenConnection, notes: string[]): ToolConnection {
  if (given.command === null || given.command.trim() === '') {
    throw new UnreadableEntryError('command is missing or empty');
  }
  if (given.url !== null) notes.push('url was left out: a stdio server is started by its command');
  if (Object.keys(given.headers).length > 0) notes.push('headers were left out: a stdio server has none');
  const connection: ToolConnection = { ...given, transport: 'stdio', url: null, headers: {} };
  if (hasRelativeCwd(connection)) {
    notes.push(`cwd ${quoted(given.cwd ?? '')} is relative and must be made absolute before the tool is enabled`);
  }
  return connection;
}

function remoteOf(given: GivenConnection, transport: ToolTransport, notes: string[]): ToolConnection {
  const { url, headers } = given;
  if (url === null || url.trim() === '') throw new UnreadableEntryError('url is missing or empty');
  assertHttpUrl(url);
  const leftOut = [
    ...(given.command === null ? [] : ['command']),
    ...(given.args.length === 0 ? [] : ['args']),
    ...(given.cwd === null ? [] : ['cwd']),
    ...(Object.keys(given.env).length === 0 ? [] : ['env']),
  ];
  if (leftOut.length > 0) notes.push(`${leftOut.join(', ')} left out: a remote server is reached by its url alone`);
  return { transport, command: null, args: [], cwd: null, env: {}, url, headers };
}

/** Refuses what we have no client for. Everything else that is wrong with a URL is for the check to say. */
function assertHttpUrl(url: string): void {
  const [scheme = ''] = url.trim().toLowerCase().split(':', 1);
  if (scheme === 'unix' || scheme === 'pipe') {
    throw new UnreadableEntryError(`${scheme}: URLs (sockets and pipes) are not supported`);
  }
  if (scheme === 'ws' || scheme === 'wss') throw new UnreadableEntryError('WebSocket servers are not supported');
}

/** There is no folder that a relative path of somebody's file could mean here. */
function hasRelativeCwd({ cwd }: ToolConnection): boolean {
  if (cwd === null || findPlaceholders(cwd).length > 0) return false;
  return !posix.isAbsolute(cwd) && !win32.isAbsolute(cwd);
}

/** Claude Code's `timeout`, in milliseconds. */
function timeoutOf(timeout: unknown, notes: string[]): number | null {
  if (timeout === undefined || timeout === null) return null;
  const isUsable = typeof timeout === 'number' && Number.isInteger(timeout) && timeout >= 1;
  if (isUsable && timeout <= MAX_TIMEOUT_MS) return timeout;
  notes.push(`timeout was left out: it must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
  return null;
}

function noteUnusedKeys(entry: JsonRecord, notes: string[]): void {
  const unused: string[] = [];
  for (const key of Object.keys(entry)) {
    const note = UNSUPPORTED.get(key);
    if (note !== undefined) notes.push(note);
    else if (!READ_KEYS.has(key)) unused.push(quoted(key));
  }
  if (unused.length > 0) notes.push(`not used by MCPS.ONE: ${unused.slice(0, 20).join(', ')}`);
}
