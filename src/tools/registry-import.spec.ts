import { readClientConfig } from './client-config-import';
import { ImportedTool } from './import.types';

const SCHEMA = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

const BRAVE = {
  $schema: SCHEMA,
  name: 'io.modelcontextprotocol/brave-search',
  description: 'Search the web',
  version: '1.0.2',
  packages: [
    {
      registryType: 'npm',
      registryBaseUrl: 'https://registry.npmjs.org',
      identifier: '@modelcontextprotocol/server-brave-search',
      version: '1.0.2',
      transport: { type: 'stdio' },
      environmentVariables: [
        { name: 'BRAVE_API_KEY', description: 'The key', isRequired: true, isSecret: true },
        { name: 'LOG_LEVEL', default: 'info' },
        { name: 'FIXED', value: 'yes' },
        { name: 'PROXY', description: 'A proxy' },
      ],
    },
  ],
};

function withPackage(item: object): object {
  return { name: 'a/b', packages: [{ identifier: 'pkg', ...item }] };
}

function read(config: unknown): ImportedTool {
  const { entries, skipped } = readClientConfig(config);
  expect(skipped).toEqual([]);
  return entries[0]!;
}

function commandLine(config: unknown): string {
  const { command, args } = read(config).draft;
  return [command, ...args].join(' ');
}

function reason(config: unknown): string {
  const { entries, skipped } = readClientConfig(config);
  expect(entries).toEqual([]);
  return skipped[0]!.reason;
}

describe("a registry's server.json", () => {
  it('becomes a program with its inputs, and lists what a human has to give', () => {
    expect(read(BRAVE)).toEqual({
      sourceName: 'io.modelcontextprotocol/brave-search',
      draft: {
        name: 'io-modelcontextprotocol-brave-search',
        description: 'Search the web (Imported as io.modelcontextprotocol/brave-search)',
        transport: 'stdio',
        command: 'npx',
        args: ['-y', '@modelcontextprotocol/server-brave-search@1.0.2'],
        cwd: null,
        env: { BRAVE_API_KEY: '${BRAVE_API_KEY}', LOG_LEVEL: 'info', FIXED: 'yes' },
        url: null,
        headers: {},
        enabled: false,
      },
      missing: ['BRAVE_API_KEY'],
      notes: ['"PROXY" is optional and was left out: "A proxy"'],
    });
  });

  it('is understood in the wrapper of the registry API and as text', () => {
    const wrapped = { server: BRAVE, _meta: { 'io.modelcontextprotocol.registry/official': {} } };
    expect(read(JSON.stringify(wrapped))).toEqual(read(BRAVE));
  });

  it('is understood in the snake_case of 2025-07-09', () => {
    const old = {
      name: 'io.example/db',
      packages: [
        {
          registry_type: 'oci',
          registry_base_url: 'https://ghcr.io',
          identifier: 'example/db',
          version: '3.1.0',
          runtime_arguments: [{ type: 'named', name: '--network', value: 'host' }],
          package_arguments: [{ type: 'positional', value_hint: 'database_name', is_required: true }],
          environment_variables: [{ name: 'DB_PASSWORD', is_required: true }],
        },
      ],
    };
    expect(commandLine(old)).toBe(
      'docker run -i --rm --network host -e DB_PASSWORD ghcr.io/example/db:3.1.0 ${database_name}',
    );
    expect(read(old).missing).toEqual(['database_name', 'DB_PASSWORD']);
    const remote = { name: 'a/b', remotes: [{ transport_type: 'sse', url: 'https://x/sse' }] };
    expect(read(remote).draft.transport).toBe('sse');
  });

  it.each([
    [{ registryType: 'npm' }, 'npx -y pkg'],
    [{ registryType: 'npm', version: '1.0.0', runtimeHint: 'bunx' }, 'bunx pkg@1.0.0'],
    [{ registryType: 'pypi', version: '1.0.0' }, 'uvx pkg==1.0.0'],
    [{ registryType: 'pypi', version: '1.0.0', runtimeHint: 'pipx' }, 'pipx run pkg==1.0.0'],
    [{ registryType: 'oci', identifier: 'docker.io/a/b:1.2', version: '1.2' }, 'docker run -i --rm docker.io/a/b:1.2'],
    [{ registryType: 'oci', identifier: 'localhost:5000/b', version: '1' }, 'docker run -i --rm localhost:5000/b:1'],
    [{ registryType: 'oci', runtimeHint: 'podman' }, 'podman run -i --rm pkg'],
    [{ registryType: 'nuget', version: '1.0.0' }, 'dnx pkg@1.0.0 --yes'],
    [
      { registryType: 'nuget', version: '1.0.0', packageArguments: [{ type: 'positional', value: 'start' }] },
      'dnx pkg@1.0.0 --yes -- start',
    ],
  ])('runs %j as %p', (item, expected) => {
    expect(commandLine(withPackage(item))).toBe(expected);
  });

  it('never makes a command of an unknown runtimeHint', () => {
    const tool = read(withPackage({ registryType: 'npm', runtimeHint: '/tmp/evil' }));
    expect(tool.draft.command).toBe('npx');
    expect(tool.notes).toEqual(['runtimeHint "/tmp/evil" is not known: npx is used']);
  });

  it("does not repeat the runner's own words, nor variables that are passed already", () => {
    const named = (name: string, value?: string) => ({
      type: 'named',
      name,
      ...(value === undefined ? {} : { value }),
    });
    const docker = withPackage({
      registryType: 'oci',
      runtimeArguments: [{ type: 'positional', value: 'run' }, named('--rm'), named('-e', 'TOKEN')],
      environmentVariables: [{ name: 'TOKEN', value: 'x' }],
    });
    expect(commandLine(docker)).toBe('docker run -i --rm -e TOKEN pkg');
    expect(commandLine(withPackage({ registryType: 'npm', runtimeArguments: [named('-y')] }))).toBe('npx -y pkg');
  });

  it('names the program, not the package, after --from', () => {
    const runtimeArguments = [{ type: 'named', name: '--from', value: 'dist==1.0.0' }];
    const item = { registryType: 'pypi', version: '1.0.0', runtimeArguments };
    expect(commandLine(withPackage(item))).toBe('uvx --from dist==1.0.0 pkg');
  });

  it('says when the registry calls it deprecated', () => {
    expect(read({ ...withPackage({ registryType: 'npm' }), status: 'deprecated' }).notes).toEqual([
      'the registry calls it deprecated',
    ]);
  });

  it('builds arguments one by one: named, positional, defaults, switches, optional ones', () => {
    const packageArguments = [
      { type: 'named', name: '--port', default: '8080', description: 'The port' },
      { type: 'named', name: '--mode=', value: 'fast' },
      { type: 'named', name: '--stdio' },
      { type: 'named', name: '--verbose', format: 'boolean', default: 'true' },
      { type: 'named', name: '--quiet', format: 'boolean', default: 'false' },
      { type: 'named', name: '--token', isRequired: true },
      { type: 'named', name: '--region', description: 'Optional' },
      { type: 'positional', valueHint: 'folder', isRequired: true, isRepeated: true },
      { type: 'positional', value: 'with space' },
      { type: 'positional', valueHint: 'extra' },
    ];
    const tool = read(withPackage({ registryType: 'npm', packageArguments }));
    expect(tool.draft.args.slice(2)).toEqual(
      ['--port', '8080', '--mode=fast', '--stdio', '--verbose', '--token', '${token}', '${folder}'].concat(
        'with space',
      ),
    );
    expect(tool.missing).toEqual(['token', 'folder']);
    expect(tool.notes).toEqual([
      '"--quiet" is optional and was left out',
      '"--region" is optional and was left out: "Optional"',
      '"folder" may be repeated in args',
      '"extra" is optional and was left out',
    ]);
  });

  it('fills curly variables and leaves unknown ones as they are', () => {
    const argument = {
      type: 'named',
      name: '--mount',
      value: 'type=bind,src={source},dst={target},{other},${HOME}',
      isRequired: true,
      variables: { source: { isRequired: true }, target: { default: '/project' }, HOME: { value: 'never' } },
    };
    const tool = read(withPackage({ registryType: 'oci', runtimeArguments: [argument] }));
    expect(tool.draft.args[4]).toBe('type=bind,src=${source},dst=/project,{other},${HOME}');
    expect(tool.missing).toEqual(['source', 'HOME']);
  });

  it('takes the first package that can be run, and says why not an earlier one', () => {
    const tool = read({
      name: 'a/b',
      packages: [
        { registryType: 'mcpb', identifier: 'https://x/y.mcpb', fileSha256: 'ab' },
        { registryType: 'npm', identifier: 'served', transport: { type: 'streamable-http', url: 'http://localhost' } },
        { registryType: 'pypi', identifier: 'pkg' },
      ],
      remotes: [{ type: 'sse', url: 'https://x' }],
    });
    expect(tool.draft.command).toBe('uvx');
    expect(tool.notes).toHaveLength(2);
  });

  it('takes a remote where no package can be run, with its headers and URL variables', () => {
    const tool = read({
      name: 'a/b',
      packages: [{ registryType: 'mcpb', identifier: 'x', fileSha256: 'ab' }],
      remotes: [
        {
          type: 'streamable-http',
          url: 'https://{tenant}.example.com/mcp',
          variables: { tenant: { isRequired: true } },
          headers: [
            { name: 'Authorization', value: 'Bearer {key}', variables: { key: { isRequired: true, isSecret: true } } },
            { name: 'X-Region', default: 'us' },
          ],
        },
      ],
    });
    expect(tool.draft).toMatchObject({
      transport: 'streamable-http',
      url: 'https://${tenant}.example.com/mcp',
      headers: { Authorization: 'Bearer ${key}', 'X-Region': 'us' },
      enabled: false,
    });
    expect(tool.missing).toEqual(['tenant', 'key']);
  });

  it.each([
    [withPackage({ registryType: 'mcpb', fileSha256: 'ab' }), 'packages of type "mcpb"'],
    [withPackage({ registryType: 'cargo' }), 'packages of type "cargo"'],
    [withPackage({ registryType: 'npm', fileSha256: 'ab' }), 'fileSha256'],
    [withPackage({ registryType: 'npm', registryBaseUrl: 'https://npm.corp.example' }), 'npm.corp.example'],
    [withPackage({ registryType: 'npm', identifier: '--call=x' }), 'no package name'],
    [withPackage({ registryType: 'npm', packageArguments: [5] }), 'packageArguments[0] must be an object'],
    [{ name: 'a/b', packages: 5, $schema: SCHEMA }, 'packages must be an array'],
    [{ name: 'a/b', remotes: [{ type: 'ws', url: 'wss://x' }] }, 'type "ws" is not supported'],
    [{ name: 'a/b', $schema: SCHEMA }, 'has neither packages nor remotes'],
  ])('is skipped as %j, with the reason', (config, expected) => {
    expect(reason(config)).toContain(expected);
  });
});
