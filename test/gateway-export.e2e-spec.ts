import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { INFO } from './support/mcp-clients';
import { startTestApp, type TestApp } from './support/test-app';

interface Entry {
  url?: string;
  serverUrl?: string;
  headers?: Record<string, string>;
  args?: string[];
  env?: Record<string, string>;
}

/** Where and with what an entry of a client's file makes it connect, once its user has filled in the key. */
function connectionOf(entry: Entry, key: string): { url: string; headers: Record<string, string> } {
  const filled = (text: string): string => text.replace(/\$\{(?:env:|input:)?MCPS_API_KEY\}/g, key);
  const url = entry.url ?? entry.serverUrl;
  if (url !== undefined) {
    const headers = Object.entries(entry.headers ?? {}).map(([name, value]) => [name, filled(value)]);
    return { url, headers: Object.fromEntries(headers) };
  }
  // Claude Desktop starts mcp-remote, which fills its arguments from its environment.
  const { args = [], env = {} } = entry;
  const given = args.flatMap((arg, index) => (args[index - 1] === '--header' ? [arg] : []));
  const pairs = given.map((header) => {
    const text = header.replace(/\$\{(\w+)\}/g, (_, name: string) => filled(env[name] ?? ''));
    return [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
  });
  return { url: args[args.indexOf('mcp-remote') + 1] ?? '', headers: Object.fromEntries(pairs) };
}

describe('an export for the gateway', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    for (const name of ['one', 'two']) await app.post('/tools', aTool({ name }));
    await app.post('/tools', aTool({ name: 'off', enabled: false }));
  });
  afterAll(() => app.stop());

  async function echoAt(url: string, headers: Record<string, string>, name: string): Promise<unknown> {
    const client = new Client(INFO);
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
    const { content } = await client.callTool({ name, arguments: { text: url } });
    await client.close();
    return content;
  }

  it.each(['claude-desktop', 'claude-code', 'cursor', 'vscode', 'windsurf'])(
    'makes %s reach every enabled tool with nothing but the key filled in',
    async (client) => {
      const { body } = await app.get(`/tools/export?client=${client}`);
      const servers: Record<string, Entry> = body.config[client === 'vscode' ? 'servers' : 'mcpServers'];
      expect(Object.keys(servers)).toEqual(['one', 'two']);
      expect(JSON.stringify(body)).not.toContain('no gateway');
      for (const entry of Object.values(servers)) {
        const { url, headers } = connectionOf(entry, key);
        expect(await echoAt(url, headers, 'echo')).toEqual([{ type: 'text', text: `Echo: ${url}` }]);
        await expect(echoAt(url, { Authorization: 'Bearer mcps_wrong' }, 'echo')).rejects.toThrow();
      }
    },
  );

  it('tells the address of all of them in one, and that leads there', async () => {
    const { body } = await app.get('/tools/export?client=cursor');
    const url = body.notes.map((note: string) => /one server, too: (\S+)/.exec(note)?.[1]).find(Boolean);
    const authorization = { Authorization: `Bearer ${key}` };
    expect(await echoAt(url, authorization, 'two__echo')).toEqual([{ type: 'text', text: `Echo: ${url}` }]);
  });
});
