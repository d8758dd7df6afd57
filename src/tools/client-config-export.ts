import { ClientConfig, ExportClient, ExportedTool, ExportOptions } from './client-config-export.types';
import { PlaceholderWriter, placeholderWriter } from './client-placeholders';
import { findSecretArgs, hasSecretShape } from './secret-shapes';

const GATEWAY_KEY = 'MCPS_API_KEY';

const FILE_NAMES: Record<ExportClient, string> = {
  'claude-desktop': 'claude_desktop_config.json',
  'claude-code': '.mcp.json',
  cursor: 'mcp.json',
  vscode: 'mcp.json',
  windsurf: 'mcp_config.json',
};

type Entry = Record<string, unknown>;

/** A header whose value is a secret: `prefix` stands before the placeholder of `variable`. */
interface SecretHeader {
  name: string;
  prefix: string;
  variable: string;
  /** The tool whose secret it is, if it is one's alone. */
  owner?: string;
  /** What a user has to enter. */
  what: string;
}

/** A server that a client reaches by URL. */
interface Remote {
  isSse: boolean;
  url: string;
  headers: SecretHeader[];
}

/**
 * What to paste into a client so that it reaches these tools: through our gateway, or directly as we do. Secrets are
 * placeholders in the client's own syntax in both cases.
 */
export function exportClientConfig(tools: readonly ExportedTool[], options: ExportOptions): ClientConfig {
  const { client, target } = options;
  const notes: string[] = [];
  const placeholders = placeholderWriter(client);
  const entries = tools.map((tool): [string, Entry] => {
    if (target === 'direct' && tool.url !== null && hasSecretShape(tool.url)) {
      notes.push(`${tool.name}: its url looks as if it held a secret, which is in this file in clear.`);
    }
    const remote = target === 'gateway' ? gatewayRemote(tool, options.gatewayUrl) : directRemote(tool);
    return [
      tool.name,
      remote ? remoteEntry(remote, client, placeholders, notes) : programEntry(tool, client, placeholders, notes),
    ];
  });
  const servers = Object.fromEntries(entries);
  const config = client === 'vscode' ? { inputs: placeholders.inputs(), servers } : { mcpServers: servers };
  // Below what has to be done, for who has many tools.
  const joint = target === 'gateway' ? [`All of them are in one server, too: ${jointUrl(options.gatewayUrl)}`] : [];
  return { fileName: FILE_NAMES[client], config, notes: [...new Set([...notes, ...placeholders.notes(), ...joint])] };
}

function jointUrl(gatewayUrl: string): string {
  return `${gatewayUrl.replace(/\/{1,9}$/, '')}/mcp`;
}

function gatewayRemote(tool: ExportedTool, gatewayUrl: string): Remote {
  const what = 'An API key of MCPS.ONE (mcps_...)';
  return {
    isSse: false,
    url: `${jointUrl(gatewayUrl)}/${tool.name}`,
    headers: [{ name: 'Authorization', prefix: 'Bearer ', variable: GATEWAY_KEY, what }],
  };
}

function directRemote(tool: ExportedTool): Remote | null {
  if (tool.transport === 'stdio') return null;
  return {
    isSse: tool.transport === 'sse',
    url: tool.url ?? '',
    headers: tool.headers.map((name) => ({
      name,
      prefix: '',
      variable: `${variableName(tool.name)}_${variableName(name)}`,
      owner: tool.name,
      what: `The whole value of the header ${name} of ${tool.name}`,
    })),
  };
}

/** Two tools may both have an `X-Api-Key`, so a header's variable begins with its tool. */
function variableName(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
}

function remoteEntry(remote: Remote, client: ExportClient, placeholders: PlaceholderWriter, notes: string[]): Entry {
  if (client === 'claude-desktop') return mcpRemoteEntry(remote, placeholders, notes);
  const pairs = remote.headers.map(({ name, prefix, variable, owner, what }): [string, string] => [
    name,
    prefix + placeholders.write(variable, what, owner),
  ]);
  const headers = pairs.length === 0 ? {} : { headers: Object.fromEntries(pairs) };
  const type = remote.isSse ? 'sse' : 'http';
  switch (client) {
    case 'claude-code':
    case 'vscode':
      return { type, url: remote.url, ...headers };
    case 'cursor': // finds out by itself which of the two it is
      return { url: remote.url, ...headers };
    case 'windsurf':
      return { serverUrl: remote.url, ...headers };
  }
}

/**
 * Claude Desktop's file holds programs only, so mcp-remote stands between. It fills `${NAME}` in its arguments from its
 * environment, which also keeps spaces out of them: Claude Desktop on Windows doesn't quote those.
 */
function mcpRemoteEntry(remote: Remote, placeholders: PlaceholderWriter, notes: string[]): Entry {
  notes.push(
    'Claude Desktop reaches remote servers through mcp-remote, which npx downloads (Node.js is needed). ' +
      'Use mcp-remote 0.1.16 or later: older ones have a hole (CVE-2025-6514).',
  );
  const args = ['-y', 'mcp-remote', remote.url];
  const env: [string, string][] = [];
  for (const { name, prefix, variable, owner, what } of remote.headers) {
    const envName = variable === GATEWAY_KEY ? 'AUTH_HEADER' : variable;
    args.push('--header', `${name}:\${${envName}}`);
    env.push([envName, prefix + placeholders.write(variable, what, owner)]);
  }
  if (isPlainHttp(remote.url)) {
    args.push('--allow-http');
    notes.push('The connection is not encrypted (http): mcp-remote accepts that by --allow-http only.');
  }
  return { command: 'npx', args, ...(env.length === 0 ? {} : { env: Object.fromEntries(env) }) };
}

function isPlainHttp(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && hostname !== 'localhost' && hostname !== '127.0.0.1';
}

function programEntry(
  tool: ExportedTool,
  client: ExportClient,
  placeholders: PlaceholderWriter,
  notes: string[],
): Entry {
  const { name, command, args, cwd, env } = tool;
  const pairs = env.map((variable): [string, string] => [
    variable,
    placeholders.write(variable, `The variable ${variable} of ${name}`, name),
  ]);
  for (const index of findSecretArgs(args)) {
    notes.push(`${name}: args[${index}] looks like a secret and is in this file in clear.`);
  }
  const takesCwd = client === 'vscode';
  if (cwd !== null && !takesCwd) {
    notes.push(`${name}: its working directory ${cwd} can't be said in this client's file.`);
  }
  return {
    ...(client === 'vscode' || client === 'claude-code' ? { type: 'stdio' } : {}),
    command: command ?? '',
    args,
    ...(cwd !== null && takesCwd ? { cwd } : {}),
    ...(pairs.length === 0 ? {} : { env: Object.fromEntries(pairs) }),
  };
}
