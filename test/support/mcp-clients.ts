/** Real MCP clients of both generations, connected to the gateway of a test app, and raw HTTP for what they never send. */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

export const INFO = { name: 'test-client', version: '1.0.0' };

export interface Reach {
  origin: string;
  key: string;
  tool: string;
}

const withKey = (key: string) => ({ requestInit: { headers: { authorization: `Bearer ${key}` } } });

/** The SDK of the revisions with sessions, over Streamable HTTP. */
export async function aLegacyClient(
  { origin, key, tool }: Reach,
  capabilities: object = {},
  prepare: (client: LegacyClient) => void = () => undefined,
): Promise<LegacyClient> {
  const client = new LegacyClient(INFO, { capabilities });
  prepare(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp/${tool}`), withKey(key)));
  return client;
}

/** The same over HTTP+SSE. */
export async function anSseClient({ origin, key, tool }: Reach): Promise<LegacyClient> {
  const client = new LegacyClient(INFO, { capabilities: {} });
  const headers = { authorization: `Bearer ${key}` };
  const transport = new SSEClientTransport(new URL(`${origin}/mcp/${tool}/sse`), {
    requestInit: { headers },
    eventSourceInit: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }) },
  });
  await client.connect(transport);
  return client;
}

/** The SDK of 2026-07-28; `auto` finds out by itself what is spoken. */
export async function aModernClient(
  { origin, key, tool }: Reach,
  mode: 'auto' | 'pinned' = 'pinned',
  options: Record<string, unknown> = {},
  prepare: (client: ModernClient) => void = () => undefined,
): Promise<ModernClient> {
  const versionNegotiation = { mode: mode === 'auto' ? ('auto' as const) : { pin: '2026-07-28' } };
  const client = new ModernClient(INFO, { versionNegotiation, ...options });
  prepare(client);
  await client.connect(new ModernTransport(new URL(`${origin}/mcp/${tool}`), withKey(key)));
  return client;
}

export interface RawAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON of the answer, or of the last event. */
  body: any;
  /** The messages of the events, where it was a stream. */
  events: any[];
}

/** One request to an endpoint, as nobody's SDK would send it. */
export async function raw(
  { origin, key, tool }: Reach,
  body: unknown,
  headers: Record<string, string | null> = {},
  method = 'POST',
): Promise<RawAnswer> {
  const all: Record<string, string | null> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: `Bearer ${key}`,
    ...headers,
  };
  const response = await fetch(`${origin}/mcp/${tool}`, {
    method,
    headers: Object.fromEntries(
      Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
    ),
    ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const events = isStream ? eventsIn(text) : [];
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isStream ? events.at(-1) : parse(text),
    events,
  };
}

export const initializeRequest = (capabilities: object = {}, protocolVersion = '2025-11-25') => ({
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: { protocolVersion, capabilities, clientInfo: INFO },
});

/** A session by hand; the headers that its requests need. */
export async function aSession(
  reach: Reach,
  capabilities: object = {},
  protocolVersion = '2025-11-25',
): Promise<Record<string, string>> {
  const answer = await raw(reach, initializeRequest(capabilities, protocolVersion));
  if (answer.status !== 200) throw new Error(`No session: ${answer.text}`);
  const headers = {
    'mcp-session-id': answer.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': answer.body.result.protocolVersion,
  };
  await raw(reach, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  return headers;
}

const META = 'io.modelcontextprotocol/';

/** A request of 2026-07-28 and the headers that go with it. */
export function modernRequest(
  id: unknown,
  method: string,
  params: Record<string, unknown> = {},
  meta: Record<string, unknown> = {},
): { body: any; headers: Record<string, string> } {
  const _meta = {
    [`${META}protocolVersion`]: '2026-07-28',
    [`${META}clientCapabilities`]: {},
    [`${META}clientInfo`]: INFO,
    ...meta,
  };
  const name = params['name'] ?? params['uri'];
  return {
    body: { jsonrpc: '2.0', id, method, params: { ...params, _meta } },
    headers: {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
  };
}

export function eventsIn(text: string): any[] {
  return text
    .split('\n\n')
    .flatMap((block) => block.split('\n').filter((line) => line.startsWith('data: ')))
    .map((line) => parse(line.slice('data: '.length)))
    .filter((value) => value !== '');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
