import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportClientConfig } from './client-config-export';
import { EXPORT_CLIENTS, EXPORT_TARGETS, ExportClient, ExportedTool } from './client-config-export.types';
import { readClientConfig } from './client-config-import';

const GITHUB: ExportedTool = {
  name: 'github',
  transport: 'stdio',
  command: 'npx',
  args: ['-y', '@modelcontextprotocol/server-github'],
  cwd: null,
  env: ['GITHUB_TOKEN'],
  url: null,
  headers: [],
};

const ACME: ExportedTool = {
  name: 'acme-docs',
  transport: 'streamable-http',
  command: null,
  args: [],
  cwd: null,
  env: [],
  url: 'https://acme.example/mcp',
  headers: ['X-Api-Key'],
};

const OLD: ExportedTool = { ...ACME, name: 'old', transport: 'sse', url: 'https://old.example/sse' };

function direct(client: ExportClient, ...tools: ExportedTool[]) {
  return exportClientConfig(tools, { client, target: 'direct', gatewayUrl: 'https://mcps.example' });
}

function gateway(client: ExportClient, gatewayUrl = 'https://mcps.example') {
  return exportClientConfig([GITHUB], { client, target: 'gateway', gatewayUrl });
}

describe('an export for the gateway', () => {
  it.each([
    ['claude-code', '.mcp.json', { type: 'http', url: 'https://mcps.example/mcp/github' }, '${MCPS_API_KEY}'],
    ['cursor', 'mcp.json', { url: 'https://mcps.example/mcp/github' }, '${env:MCPS_API_KEY}'],
    ['windsurf', 'mcp_config.json', { serverUrl: 'https://mcps.example/mcp/github' }, '${env:MCPS_API_KEY}'],
  ] as const)('has the shape of %s', (client, fileName, entry, placeholder) => {
    const exported = gateway(client);
    expect(exported.fileName).toBe(fileName);
    expect(exported.config).toEqual({
      mcpServers: { github: { ...entry, headers: { Authorization: `Bearer ${placeholder}` } } },
    });
    expect(exported.notes).toEqual([
      'Set MCPS_API_KEY in the environment of the client. An API key of MCPS.ONE (mcps_...).',
      'All of them are in one server, too: https://mcps.example/mcp',
    ]);
  });

  it('lets VS Code ask for the key once', () => {
    const { fileName, config } = exportClientConfig([GITHUB, ACME], {
      client: 'vscode',
      target: 'gateway',
      gatewayUrl: 'https://mcps.example/',
    });
    const headers = { Authorization: 'Bearer ${input:MCPS_API_KEY}' };
    expect(fileName).toBe('mcp.json');
    expect(config).toEqual({
      inputs: [
        { type: 'promptString', id: 'MCPS_API_KEY', description: 'An API key of MCPS.ONE (mcps_...)', password: true },
      ],
      servers: {
        github: { type: 'http', url: 'https://mcps.example/mcp/github', headers },
        'acme-docs': { type: 'http', url: 'https://mcps.example/mcp/acme-docs', headers },
      },
    });
  });

  it('goes through mcp-remote for Claude Desktop, and says what to do by hand', () => {
    const { config, notes, fileName } = gateway('claude-desktop');
    expect(fileName).toBe('claude_desktop_config.json');
    expect(config).toEqual({
      mcpServers: {
        github: {
          command: 'npx',
          args: [
            ...['-y', 'mcp-remote', 'https://mcps.example/mcp/github'],
            ...['--header', 'Authorization:${AUTH_HEADER}'],
          ],
          env: { AUTH_HEADER: 'Bearer ${MCPS_API_KEY}' },
        },
      },
    });
    expect(notes).toHaveLength(3);
    expect(notes[0]).toContain('mcp-remote');
    expect(notes[1]).toContain('Replace ${MCPS_API_KEY} by hand');
  });

  it.each([
    ['http://10.0.0.5:8000', true],
    ['http://localhost:8000', false],
    ['http://127.0.0.1:8000', false],
    ['https://mcps.example', false],
  ])('with the address %s tells mcp-remote to allow http: %p', (url, isAllowed) => {
    expect(JSON.stringify(gateway('claude-desktop', url).config).includes('--allow-http')).toBe(isAllowed);
  });
});

describe('the README', () => {
  const readme = readFileSync(join(__dirname, '../../README.md'), 'utf8');

  it.each(['claude-code', 'cursor', 'vscode'] as const)('shows for %s what the export writes', (client) => {
    const shown = new RegExp(`\\n\`\`\`json ${client}\\n([^]*?)\\n\`\`\`\\n`).exec(readme)?.[1] ?? '';
    const everything = { ...GITHUB, name: 'everything' };
    const options = { client, target: 'gateway' as const, gatewayUrl: 'http://127.0.0.1:8000' };
    expect(JSON.parse(shown)).toEqual(exportClientConfig([everything], options).config);
  });
});

describe('a direct export', () => {
  it.each([
    ['claude-desktop', '${GITHUB_TOKEN}', {}],
    ['claude-code', '${GITHUB_TOKEN}', { type: 'stdio' }],
    ['cursor', '${env:GITHUB_TOKEN}', {}],
    ['windsurf', '${env:GITHUB_TOKEN}', {}],
  ] as const)('gives %s the program with %s', (client, placeholder, extra) => {
    expect(direct(client, GITHUB).config).toEqual({
      mcpServers: {
        github: { ...extra, command: 'npx', args: GITHUB.args, env: { GITHUB_TOKEN: placeholder } },
      },
    });
  });

  it('gives VS Code an input for each secret of each tool, and the working directory', () => {
    const other = { ...GITHUB, name: 'other', cwd: '/srv' };
    const { config } = direct('vscode', GITHUB, other);
    expect(config.inputs).toMatchObject([{ id: 'github.GITHUB_TOKEN' }, { id: 'other.GITHUB_TOKEN' }]);
    expect(config.servers).toMatchObject({
      github: { type: 'stdio', env: { GITHUB_TOKEN: '${input:github.GITHUB_TOKEN}' } },
      other: { cwd: '/srv' },
    });
  });

  it.each([
    ['claude-code', { type: 'http', url: ACME.url, headers: { 'X-Api-Key': '${ACME_DOCS_X_API_KEY}' } }],
    ['cursor', { url: ACME.url, headers: { 'X-Api-Key': '${env:ACME_DOCS_X_API_KEY}' } }],
    ['windsurf', { serverUrl: ACME.url, headers: { 'X-Api-Key': '${env:ACME_DOCS_X_API_KEY}' } }],
    [
      'claude-desktop',
      {
        command: 'npx',
        args: ['-y', 'mcp-remote', ACME.url, '--header', 'X-Api-Key:${ACME_DOCS_X_API_KEY}'],
        env: { ACME_DOCS_X_API_KEY: '${ACME_DOCS_X_API_KEY}' },
      },
    ],
  ] as const)('gives %s the remote with its header as a variable of the tool', (client, entry) => {
    expect(direct(client, ACME).config).toEqual({ mcpServers: { 'acme-docs': entry } });
  });

  it('says sse where the client has a type for it', () => {
    expect(direct('claude-code', OLD).config).toMatchObject({ mcpServers: { old: { type: 'sse' } } });
    expect(direct('vscode', OLD).config).toMatchObject({ servers: { old: { type: 'sse' } } });
  });

  it('says when two tools would share a variable', () => {
    const notes = direct('cursor', GITHUB, { ...GITHUB, name: 'other' }).notes;
    expect(notes).toEqual([expect.stringContaining('github, other will all get the same value')]);
  });

  it('says what it cannot say, and what is in clear', () => {
    const args = ['--api-key', '0123456789abcdef0123'];
    const notes = direct('cursor', { ...GITHUB, env: [], cwd: '/srv', args }).notes;
    expect(notes).toEqual([
      'github: args[1] looks like a secret and is in this file in clear.',
      "github: its working directory /srv can't be said in this client's file.",
    ]);
    const url = 'https://acme.example/mcp?token=ghp_0123456789abcdefghij';
    expect(direct('cursor', { ...ACME, headers: [], url }).notes[0]).toContain('url looks as if it held a secret');
  });
});

describe('every export', () => {
  const cases = EXPORT_CLIENTS.flatMap((client) => EXPORT_TARGETS.map((target) => ({ client, target })));

  it.each(cases)('for $client, $target can be imported again, waiting for its secrets', ({ client, target }) => {
    const options = { client, target, gatewayUrl: 'https://mcps.example' };
    const { entries, skipped } = readClientConfig(exportClientConfig([GITHUB, ACME], options).config);
    expect(skipped).toEqual([]);
    expect(entries.map(({ sourceName }) => sourceName)).toEqual(['github', 'acme-docs']);
    expect(entries.every(({ draft, missing }) => !draft.enabled && missing.length === 1)).toBe(true);
  });
});
