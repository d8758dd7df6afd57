import { readClientConfig } from './client-config-import';
import { ImportError } from './import.errors';
import { ImportedTool } from './import.types';

const CLAUDE_DESKTOP = {
  globalShortcut: 'Ctrl+Space',
  mcpServers: {
    filesystem: {
      command: 'npx',
      args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/ann/Desktop'],
    },
    'Brave Search': {
      command: 'npx',
      args: ['-y', '@modelcontextprotocol/server-brave-search'],
      env: { BRAVE_API_KEY: 'bsk-1' },
    },
  },
};

const CLAUDE_CODE = {
  mcpServers: {
    sentry: { type: 'http', url: 'https://mcp.sentry.dev/mcp' },
    asana: { type: 'sse', url: 'https://mcp.asana.com/v1', headers: { Authorization: 'Bearer ${ASANA_TOKEN}' } },
    api: {
      type: 'http',
      url: '${API_BASE_URL:-https://api.example.com}/mcp',
      headers: { Authorization: 'Bearer ${API_KEY}', 'X-Again': '${API_KEY}' },
      timeout: 600_000,
    },
    plugin: { command: '${CLAUDE_PLUGIN_ROOT}/servers/db', args: ['--config', '${CLAUDE_PLUGIN_ROOT}/c.json'] },
    notify: { type: 'ws', url: 'wss://example.com/ws' },
  },
};

const CURSOR = `{
  // project servers
  "mcpServers": {
    "db": {
      "command": "\${workspaceFolder}/bin/db",
      "args": ["--home", "\${userHome}"],
      "env": { "DB_URL": "\${env:DB_URL}" },
      "envFile": "\${workspaceFolder}/.env",
    },
    "docs": { "url": "https://docs.example.com/sse?v=1", "auth": { "CLIENT_ID": "x" } }, /* guessed */
  },
}`;

const VSCODE = `{
  "inputs": [
    { "type": "promptString", "id": "region", "description": "Region", "default": "eu-1" },
    { "type": "promptString", "id": "key", "description": "Key", "password": true, "default": "example" },
    { "type": "pickString", "id": "mode", "description": "Mode", "options": ["a", "b"] }
  ],
  "servers": {
    "perplexity": {
      "type": "stdio", "command": "npx", "args": ["-y", "server-perplexity", "--region", "\${input:region}"],
      "env": { "KEY": "\${input:key}", "MODE": "\${input:mode}", "UNSET": null },
      "cwd": "/srv/data"
    },
    "socket": { "type": "http", "url": "unix:///tmp/server.sock#/mcp" },
    "pipe": { "type": "http", "url": "pipe:///pipe/server" },
    "github": { "type": "http", "url": "https://api.githubcopilot.com/mcp" }
  }
}`;

const WINDSURF = {
  mcpServers: {
    remote: { serverUrl: 'https://example.com/mcp', headers: { 'API-Key': '${file:/home/ann/.key}' } },
    paused: { command: 'uvx', args: ['mcp-server-time'], disabled: true, disabledTools: ['convert'] },
  },
};

const COPILOT = {
  mcpServers: { playwright: { type: 'local', command: 'npx', args: ['@playwright/mcp@latest'], tools: ['*'] } },
};

function readAll(config: unknown): Record<string, ImportedTool> {
  return Object.fromEntries(readClientConfig(config).entries.map((entry) => [entry.sourceName, entry]));
}

function readOne(entry: unknown): ImportedTool {
  const { entries, skipped } = readClientConfig({ mcpServers: { one: entry } });
  expect(skipped).toEqual([]);
  return entries[0]!;
}

function reasonFor(entry: unknown): string {
  const { entries, skipped } = readClientConfig({ mcpServers: { one: entry, other: { command: 'npx' } } });
  expect(entries.map(({ sourceName }) => sourceName)).toEqual(['other']);
  return skipped[0]!.reason;
}

describe('readClientConfig', () => {
  it("reads Claude Desktop's programs, whatever else its file holds", () => {
    const { filesystem, 'Brave Search': brave } = readAll(CLAUDE_DESKTOP);
    expect(filesystem).toEqual({
      sourceName: 'filesystem',
      draft: {
        name: 'filesystem',
        description: '',
        transport: 'stdio',
        command: 'npx',
        args: ['-y', '@modelcontextprotocol/server-filesystem', '/home/ann/Desktop'],
        cwd: null,
        env: {},
        url: null,
        headers: {},
        enabled: true,
      },
      missing: [],
    });
    expect(brave!.draft).toMatchObject({
      name: 'brave-search',
      description: 'Imported as Brave Search',
      env: { BRAVE_API_KEY: 'bsk-1' },
    });
  });

  it("reads Claude Code's remotes with their types, defaults and timeout", () => {
    const { sentry, asana, api, plugin } = readAll(CLAUDE_CODE);
    expect(sentry!.draft).toMatchObject({ transport: 'streamable-http', url: 'https://mcp.sentry.dev/mcp' });
    expect(asana!.draft).toMatchObject({ transport: 'sse', enabled: false });
    expect(asana!.missing).toEqual(['ASANA_TOKEN']);
    expect(api!.draft).toMatchObject({ url: 'https://api.example.com/mcp', timeoutMs: 600_000, enabled: false });
    expect(api!.missing).toEqual(['API_KEY']);
    expect(api!.notes).toEqual(['${API_BASE_URL}: its default was used']);
    expect(plugin!.missing).toEqual(['CLAUDE_PLUGIN_ROOT']);
    expect(readClientConfig(CLAUDE_CODE).skipped).toEqual([
      { name: 'notify', reason: 'WebSocket servers (type ws) are not supported' },
    ]);
  });

  it("reads Cursor's file with comments and trailing commas, and guesses SSE from the path", () => {
    const { db, docs } = readAll(CURSOR);
    expect(db!.missing).toEqual(['workspaceFolder', 'userHome', 'DB_URL']);
    expect(db!.draft).toMatchObject({ command: '${workspaceFolder}/bin/db', enabled: false });
    expect(db!.notes).toEqual(['envFile is not read: give its variables in env']);
    expect(docs!.draft).toMatchObject({ transport: 'sse', enabled: true });
    expect(docs!.notes).toEqual(['auth is not supported: give a token in headers']);
  });

  it("fills VS Code's inputs that have a default and are no password", () => {
    const { perplexity, github } = readAll(VSCODE);
    expect(perplexity!.draft).toMatchObject({
      args: ['-y', 'server-perplexity', '--region', 'eu-1'],
      env: { KEY: '${input:key}', MODE: '${input:mode}' },
      cwd: '/srv/data',
      enabled: false,
    });
    expect(perplexity!.draft.env).not.toHaveProperty('UNSET');
    expect(perplexity!.missing).toEqual(['key', 'mode']);
    expect(github!.draft.enabled).toBe(true);
  });

  it('skips sockets and pipes with a reason', () => {
    const { skipped } = readClientConfig(VSCODE);
    expect(skipped.map(({ name }) => name)).toEqual(['socket', 'pipe']);
    expect(skipped[0]!.reason).toContain('unix:');
    expect(skipped[1]!.reason).toContain('pipe:');
  });

  it("reads servers and inputs nested in VS Code's settings.json", () => {
    const settings = {
      'editor.tabSize': 2,
      mcp: { inputs: [{ id: 'r', default: 'x' }], servers: { a: { command: 'a', args: ['${input:r}'] } } },
    };
    expect(readAll(settings).a!.draft.args).toEqual(['x']);
  });

  it("reads Windsurf's serverUrl and imports what is disabled as disabled", () => {
    const { remote, paused } = readAll(WINDSURF);
    expect(remote!.draft).toMatchObject({ transport: 'streamable-http', url: 'https://example.com/mcp' });
    expect(remote!.missing).toEqual(['file:/home/ann/.key']);
    expect(paused!.draft.enabled).toBe(false);
    expect(paused!.missing).toEqual([]);
    expect(paused!.notes).toEqual(['not used by MCPS.ONE: "disabledTools"']);
  });

  it("understands Copilot's type local", () => {
    expect(readAll(COPILOT).playwright!.draft.transport).toBe('stdio');
  });

  it.each([
    ['http', 'streamable-http'],
    ['streamable-http', 'streamable-http'],
    ['streamableHttp', 'streamable-http'],
    ['sse', 'sse'],
  ])('takes the remote type %s for %s', (type, transport) => {
    expect(readOne({ type, url: 'https://example.com/x' }).draft.transport).toBe(transport);
  });

  it.each(['https://x/sse', 'https://x/sse/', 'https://x/a/sse?k=1#b'])('guesses SSE from %s', (url) => {
    expect(readOne({ url }).draft.transport).toBe('sse');
  });

  it.each(['https://x/mcp', 'https://x/assess', 'https://x/mcp?next=/sse'])(
    'guesses streamable HTTP from %s',
    (url) => {
      expect(readOne({ url }).draft.transport).toBe('streamable-http');
    },
  );

  it('takes enabled: false for disabled', () => {
    expect(readOne({ command: 'x', enabled: false }).draft.enabled).toBe(false);
  });

  it('believes a given type more than the path', () => {
    expect(readOne({ type: 'http', url: 'https://example.com/sse' }).draft.transport).toBe('streamable-http');
  });

  it('expands nothing from our own environment', () => {
    process.env.IMPORT_SPEC_SECRET = 'leaked';
    try {
      const tool = readOne({ command: 'x', env: { A: '${IMPORT_SPEC_SECRET}', B: '${env:IMPORT_SPEC_SECRET}' } });
      expect(JSON.stringify(tool)).not.toContain('leaked');
      expect(tool.missing).toEqual(['IMPORT_SPEC_SECRET']);
    } finally {
      delete process.env.IMPORT_SPEC_SECRET;
    }
  });

  it('does not expand a default a second time', () => {
    const tool = readClientConfig({
      inputs: [
        { id: 'a', default: '${input:b}' },
        { id: 'b', default: 'x' },
      ],
      servers: { one: { command: 'c', args: ['${input:a}'] } },
    }).entries[0]!;
    expect(tool.missing).toEqual(['b']);
  });

  it('leaves the variables of mcp-remote to mcp-remote when its env has them', () => {
    const args = ['-y', 'mcp-remote', 'https://example.com', '--header', 'Authorization:${AUTH_HEADER}'];
    expect(readOne({ command: 'npx', args, env: { AUTH_HEADER: 'Bearer x' } }).draft.enabled).toBe(true);
    expect(readOne({ command: 'npx', args }).missing).toEqual(['AUTH_HEADER']);
    expect(readOne({ command: 'x', args: ['${A}'], env: { A: '1' } }).missing).toEqual(['A']);
  });

  it('keeps a relative cwd, says so and disables the tool', () => {
    const tool = readOne({ command: 'x', cwd: './data' });
    expect(tool.draft).toMatchObject({ cwd: './data', enabled: false });
    expect(tool.notes![0]).toContain('"./data" is relative');
    expect(tool.missing).toEqual([]);
  });

  it.each(['/srv/data', 'C:\\data'])('takes %p for an absolute cwd', (cwd) => {
    expect(readOne({ command: 'x', cwd })).toMatchObject({ draft: { cwd, enabled: true } });
  });

  it('notes what it does not support', () => {
    const { notes } = readOne({ command: 'x', sandbox: {}, headersHelper: 'h', oauth: {}, alwaysAllow: [], foo: 1 });
    expect(notes!.map((note) => note.split(' ')[0])).toEqual(['sandbox', 'headersHelper', 'oauth', 'not']);
    expect(notes!.at(-1)).toBe('not used by MCPS.ONE: "alwaysAllow", "foo"');
  });

  it.each([0, -1, 1.5, '30', 1e12])('leaves out the timeout %p with a note', (timeout) => {
    const tool = readOne({ command: 'x', timeout });
    expect(tool.draft).not.toHaveProperty('timeoutMs');
    expect(tool.notes![0]).toContain('timeout was left out');
  });

  it('takes numbers and booleans for text', () => {
    const tool = readOne({ command: 'x', args: ['--port', 8080], env: { DEBUG: true, LEVEL: 3 } });
    expect(tool.draft).toMatchObject({ args: ['--port', '8080'], env: { DEBUG: 'true', LEVEL: '3' } });
  });

  it.each([
    [{ command: 'x', args: ['a', { b: 1 }] }, 'args[1] must be a string, not an object'],
    [{ command: 'x', args: [null] }, 'args[0] must be a string, not null'],
    [{ command: 'x', args: '-y pkg' }, 'args must be an array, not a string'],
    [{ command: 'x', env: { A: ['b'] } }, 'env.A must be a string, not an array'],
    [{ command: 'x', env: [] }, 'env must be an object, not an array'],
    [{ command: ['npx'] }, 'command must be a string, not an array'],
    [{ type: 'stdio' }, 'command is missing or empty'],
    [{ type: 'http', command: 'x' }, 'url is missing or empty'],
    [{ type: 'grpc', url: 'https://x' }, 'type "grpc" is not known (stdio, http, streamable-http or sse)'],
    [{ url: 'ws://x' }, 'WebSocket servers are not supported'],
    [{}, 'has neither a command nor a url'],
    ['npx', 'must be an object with a command or a url'],
    [null, 'must be an object with a command or a url'],
  ])('skips %j and reads the others', (entry, reason) => {
    expect(reasonFor(entry)).toBe(reason);
  });

  it('leaves out what the transport has no use for, and says so', () => {
    const remote = readOne({ type: 'http', url: 'https://x', command: 'y', env: { A: 'b' } });
    expect(remote.draft).toMatchObject({ command: null, env: {} });
    expect(remote.notes).toEqual(['command, env left out: a remote server is reached by its url alone']);
    const program = readOne({ command: 'y', url: 'https://x', headers: { A: 'b' } });
    expect(program.draft).toMatchObject({ transport: 'stdio', url: null, headers: {} });
    expect(program.notes).toHaveLength(2);
  });

  it('skips the project servers of ~/.claude.json beside general ones, and takes them when there are none', () => {
    const projects = { '/home/ann/app': { mcpServers: { local: { command: 'x' } } }, '/home/ann/other': {} };
    const both = readClientConfig({ mcpServers: { general: { command: 'y' } }, projects });
    expect(both.entries.map(({ sourceName }) => sourceName)).toEqual(['general']);
    expect(both.skipped).toEqual([{ name: 'local', reason: expect.stringContaining('project /home/ann/app') }]);
    expect(readClientConfig({ projects }).entries.map(({ sourceName }) => sourceName)).toEqual(['local']);
    expect(readClientConfig({ mcpServers: {}, projects }).entries).toHaveLength(1);
  });

  it.each([null, 5, [], {}, { tools: [] }, { projects: {} }, '"text"', { server: 1 }])(
    'refuses %j and lists the shapes it accepts',
    (config) => {
      expect(() => readClientConfig(config)).toThrow(ImportError);
      expect(() => readClientConfig(config)).toThrow(/mcpServers.*VS Code.*server\.json/);
    },
  );

  it('names a root key that is no object', () => {
    expect(() => readClientConfig({ mcpServers: [] })).toThrow('"mcpServers" must be an object');
  });

  it('names line and column of a syntax error', () => {
    const text = '{\n  "mcpServers": {\n    "a": { "command" "x" }\n  }\n}';
    expect(() => readClientConfig(text)).toThrow('not valid JSON at line 3, column 22: colon expected');
  });

  it('keeps __proto__ and constructor inert as names of servers, variables and roots', () => {
    const text = `{"mcpServers": {"__proto__": {"command": "a", "env": {"__proto__": "b"}}, "constructor": {"command": "c"}}}`;
    const { entries } = readClientConfig(text);
    expect(entries.map(({ draft }) => draft.name)).toEqual(['proto', 'constructor']);
    expect(Object.entries(entries[0]!.draft.env)).toEqual([['__proto__', 'b']]);
    expect(Object.getPrototypeOf(entries[0]!.draft.env)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).command).toBeUndefined();
    expect(() => readClientConfig('{"__proto__": {"mcpServers": {"a": {"command": "b"}}}}')).toThrow(ImportError);
  });
});
