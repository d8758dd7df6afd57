import { checkDefinition } from './definition-check';
import { CheckEnvironment, CommandResolution, DefinitionProblem } from './definition-check.types';
import { ToolConnection } from './tool-definition.types';

/** A machine with /srv, npx on the PATH, a program with a space in its path, and a file that can't be executed. */
class FakeMachine implements CheckEnvironment {
  readonly asked: unknown[][] = [];

  resolveCommand(command: string, cwd: string | null, env: Record<string, string>): Promise<CommandResolution> {
    this.asked.push([command, cwd, env]);
    if (command === '/srv/readme.txt') return Promise.resolve({ ok: false, code: 'command_not_executable' });
    const known = ['npx', 'node', 'sh', '/opt/My App/server'];
    if (known.includes(command)) return Promise.resolve({ ok: true, path: command });
    return Promise.resolve({ ok: false, code: 'command_not_found' });
  }

  isDirectory(path: string): Promise<boolean> {
    return Promise.resolve(path === '/srv');
  }
}

const PROGRAM: ToolConnection = {
  transport: 'stdio',
  command: 'npx',
  args: ['-y', 'pkg'],
  cwd: '/srv',
  env: { API_KEY: 'x' },
  url: null,
  headers: {},
};

const REMOTE: ToolConnection = {
  transport: 'streamable-http',
  command: null,
  args: [],
  cwd: null,
  env: {},
  url: 'https://example.com/mcp',
  headers: { Authorization: 'Bearer x' },
};

async function check(definition: ToolConnection & { name?: string }): Promise<DefinitionProblem[]> {
  const problems = await checkDefinition(definition, new FakeMachine());
  for (const { message, hint } of problems) expect(Math.min(message.length, hint.length)).toBeGreaterThan(15);
  return problems;
}

async function codes(definition: ToolConnection & { name?: string }): Promise<string[]> {
  return (await check(definition)).map(({ path, code }) => `${path} ${code}`);
}

const program = (changes: Partial<ToolConnection>) => codes({ ...PROGRAM, ...changes });
const remote = (changes: Partial<ToolConnection>) => codes({ ...REMOTE, ...changes });

describe('checkDefinition', () => {
  it('has nothing to say of good definitions', async () => {
    expect(await program({})).toEqual([]);
    expect(await remote({})).toEqual([]);
    expect(await remote({ transport: 'sse', url: 'http://localhost:3000/sse' })).toEqual([]);
  });

  it('says what is wrong with a name', async () => {
    expect(await codes({ ...PROGRAM, name: 'export' })).toEqual(['name name_invalid']);
    expect(await codes({ ...PROGRAM, name: 'github' })).toEqual([]);
  });

  it.each([null, '', '  '])('wants a command, not %p', async (command) => {
    expect(await program({ command })).toEqual(['command command_required']);
  });

  it('shows how to split a shell line', async () => {
    const [problem] = await check({ ...PROGRAM, command: 'npx -y "my pkg"', args: ['--x'] });
    expect(problem).toMatchObject({ path: 'command', code: 'command_has_spaces', severity: 'error' });
    expect(problem!.hint).toBe('Split it: command "npx", args ["-y","my pkg","--x"].');
    expect(await program({ command: '/usr/bin/node server.js' })).toEqual(['command command_has_spaces']);
  });

  it('accepts a program whose path has a space', async () => {
    expect(await program({ command: '/opt/My App/server' })).toEqual([]);
  });

  it('tells a missing program from one that cannot be executed', async () => {
    expect(await program({ command: 'nowhere' })).toEqual(['command command_not_found']);
    expect(await program({ command: '/srv/readme.txt' })).toEqual(['command command_not_executable']);
  });

  it.each([
    ['uvx', 'uv'],
    ['cmd', 'Windows'],
    ['nowhere', 'PATH'],
  ])('helps with the missing program %s', async (command, word) => {
    const [problem] = await check({ ...PROGRAM, command });
    expect(problem!.hint).toContain(word);
  });

  it("asks for the command with the tool's own folder and environment", async () => {
    const machine = new FakeMachine();
    await checkDefinition({ ...PROGRAM, env: { PATH: '/x' } }, machine);
    expect(machine.asked).toEqual([['npx', '/srv', { PATH: '/x' }]]);
  });

  it.each([
    ['data', 'cwd cwd_relative'],
    ['~/data', 'cwd cwd_relative'],
    ['/nowhere', 'cwd cwd_not_found'],
  ])('refuses the folder %s', async (cwd, expected) => {
    expect(await program({ cwd })).toEqual([expected]);
  });

  it('blames a missing folder once, not the program in it as well', async () => {
    expect(await program({ cwd: '/nowhere', command: './server' })).toEqual(['cwd cwd_not_found']);
  });

  it.each([
    [null, 'url url_required'],
    ['example.com/mcp', 'url url_invalid'],
    ['localhost:8000/mcp', 'url url_scheme'],
    ['ftp://example.com', 'url url_scheme'],
    ['javascript:alert(1)', 'url url_scheme'],
    ['https://ann:pw@example.com', 'url url_credentials'],
    ['https://token@example.com', 'url url_credentials'],
  ])('refuses the url %p', async (url, expected) => {
    expect(await remote({ url })).toEqual([expected]);
  });

  it('names each place of a variable without value', async () => {
    const args = ['-y', '${A}', '${workspaceFolder}/x'];
    expect(await program({ command: '${BIN}', args, cwd: '${userHome}', env: { API_KEY: '${env:B}' } })).toEqual([
      'command unresolved_variable',
      'args[1] unresolved_variable',
      'args[2] unresolved_variable',
      'cwd unresolved_variable',
      'env.API_KEY unresolved_variable',
    ]);
    expect(await remote({ url: 'https://${HOST}:${PORT}/', headers: { 'X-Key': '${input:k}' } })).toEqual([
      'url unresolved_variable',
      'url unresolved_variable',
      'headers.X-Key unresolved_variable',
    ]);
  });

  it('warns of secrets in arguments without showing them', async () => {
    const secret = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';
    const problems = await check({ ...PROGRAM, args: ['-y', 'pkg', secret] });
    expect(problems).toMatchObject([{ path: 'args[2]', code: 'secret_in_args', severity: 'warning' }]);
    expect(JSON.stringify(problems)).not.toContain(secret);
  });

  it('refuses inline code', async () => {
    const problems = await check({ ...PROGRAM, command: 'node', args: ['-e', 'process.exit()'] });
    expect(problems).toMatchObject([{ path: 'args[0]', code: 'inline_code_refused', severity: 'error' }]);
  });

  it('refuses variables that bring code in, and names that are none', async () => {
    const env = { LD_PRELOAD: '/x.so', API_KEY: 'x', 'A=B': 'c', '': 'd' };
    expect(await program({ env })).toEqual(['env.LD_PRELOAD env_refused', 'env.A=B env_refused', 'env. env_refused']);
  });

  it('finds NUL characters everywhere', async () => {
    const nul = 'a\0b';
    expect(await program({ command: nul, args: [nul], cwd: nul, env: { A: nul } })).toEqual(
      ['command', 'args[0]', 'cwd', 'env.A'].map((path) => `${path} nul_byte`),
    );
    expect(await remote({ headers: { A: nul } })).toEqual(['headers.A nul_byte']);
  });

  it('refuses the first byte that Linux does not take, counting the name of a variable', async () => {
    const longest = 'é'.repeat(64 * 1024 - 1) + 'x';
    expect(await program({ args: [longest] })).toEqual([]);
    expect(await program({ args: [longest + 'x'] })).toEqual(['args[0] argument_too_long']);
    expect(await program({ env: { A: longest } })).toEqual(['env.A argument_too_long']);
  });

  it('names what does not belong to the transport', async () => {
    expect(await program({ url: 'https://x', headers: { A: 'b' } })).toEqual([
      'url transport_mismatch',
      'headers transport_mismatch',
    ]);
    expect(await remote({ command: 'npx', args: ['-e'], cwd: '/srv', env: { A: 'b' } })).toEqual(
      ['command', 'args', 'cwd', 'env'].map((path) => `${path} transport_mismatch`),
    );
  });
});
