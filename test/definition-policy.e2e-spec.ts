import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource } from 'typeorm';
import { Tool } from '../src/tools/tool.entity';
import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

const scratch = mkdtempSync(join(tmpdir(), 'mcps-policy-'));
const CANARY = join(scratch, 'canary');
const JS = `require('fs').writeFileSync(${JSON.stringify(CANARY)}, '')`;
const SH = `touch ${CANARY}`;
const PRELOAD = join(scratch, 'preload.cjs');
const ARGV = join(scratch, 'argv.json');
const STUB = join(scratch, 'stub.cjs');
writeFileSync(PRELOAD, JS);
writeFileSync(STUB, `require('fs').writeFileSync(${JSON.stringify(ARGV)}, JSON.stringify(process.argv.slice(2)))`);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const NODE = process.execPath;

/** A definition that would leave the canary behind if it were ever run. */
const ATTACKS: [string, Record<string, unknown>, string][] = [
  ['node -e', { command: NODE, args: ['-e', JS] }, 'args[0]'],
  ['node --eval=', { command: NODE, args: [`--eval=${JS}`] }, 'args[0]'],
  ['node -pe', { command: NODE, args: ['-pe', JS] }, 'args[0]'],
  ['node --require', { command: NODE, args: ['--require', PRELOAD, STUB] }, 'args[0]'],
  ['node --import', { command: NODE, args: [`--import=${PRELOAD}`, STUB] }, 'args[0]'],
  ['sh -c', { command: 'sh', args: ['-c', SH] }, 'args[0]'],
  ['bash -lc', { command: 'bash', args: ['-lc', SH] }, 'args[0]'],
  ['python -c', { command: 'python3', args: ['-c', `open(${JSON.stringify(CANARY)}, "w")`] }, 'args[0]'],
  ['perl -e', { command: 'perl', args: ['-e', `open(F, ">${CANARY}")`] }, 'args[0]'],
  ['npx -c', { command: 'npx', args: ['-c', SH] }, 'args[0]'],
  ['npx node -e', { command: 'npx', args: ['-y', 'node', '-e', JS] }, 'args[2]'],
  ['npm exec -c', { command: 'npm', args: ['exec', '-c', SH] }, 'args[1]'],
  ['uv run python -c', { command: 'uv', args: ['run', 'python', '-c', 'x'] }, 'args[2]'],
  ['env -S', { command: 'env', args: ['-S', `sh -c "${SH}"`] }, 'args[0]'],
  ['env with a variable', { command: 'env', args: [`NODE_OPTIONS=--require=${PRELOAD}`, NODE, STUB] }, 'args[0]'],
  ['busybox sh -c', { command: 'busybox', args: ['sh', '-c', SH] }, 'args[1]'],
  ['awk', { command: 'awk', args: [`BEGIN{system("${SH}")}`] }, 'args[0]'],
  ['NODE_OPTIONS', { command: NODE, args: [STUB], env: { NODE_OPTIONS: `--require=${PRELOAD}` } }, 'env.NODE_OPTIONS'],
  ['LD_PRELOAD', { command: NODE, args: [STUB], env: { LD_PRELOAD: '/tmp/x.so' } }, 'env.LD_PRELOAD'],
  ['PATH', { command: 'node', args: [STUB], env: { PATH: scratch } }, 'env.PATH'],
  [
    'npm_config_script_shell',
    { command: 'npx', args: ['-y', 'x'], env: { npm_config_script_shell: '/x' } },
    'env.npm_config_script_shell',
  ],
  ['BASH_ENV', { command: 'bash', args: [STUB], env: { BASH_ENV: PRELOAD } }, 'env.BASH_ENV'],
  ['GIT_SSH_COMMAND', { command: 'npx', args: ['-y', 'x'], env: { GIT_SSH_COMMAND: SH } }, 'env.GIT_SSH_COMMAND'],
  ['PYTHONSTARTUP', { command: 'python3', args: ['-i'], env: { PYTHONSTARTUP: PRELOAD } }, 'env.PYTHONSTARTUP'],
  [
    'JAVA_TOOL_OPTIONS',
    { command: 'java', args: [], env: { JAVA_TOOL_OPTIONS: '-javaagent:/x' } },
    'env.JAVA_TOOL_OPTIONS',
  ],
  ['a shell line as command', { command: `sh -c "${SH}"`, args: [] }, 'command'],
  ['a relative working directory', { command: NODE, args: [STUB], cwd: '../..' }, 'cwd'],
];

describe('A9: definitions that hide what they run', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    await app.post('/tools', aTool({ name: 'honest' }));
  });
  afterAll(() => app.stop());
  afterEach(() => expect(existsSync(CANARY)).toBe(false));

  it.each(ATTACKS)(
    'refuses %s by every way in, says where and what to do, and runs nothing',
    async (_, attack, path) => {
      const whole = { name: 'evil', ...attack };
      for (const [method, route, body] of [
        ['POST', '/tools', { ...whole, autoStart: true }],
        ['POST', '/tools/probe', whole],
        ['PUT', '/tools/honest', { ...whole, name: 'honest' }],
        ['PATCH', '/tools/honest', attack],
      ] as const) {
        const answer = await app.request(method, route, { body });
        expect({ route, status: answer.status }).toEqual({ route, status: 400 });
        expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
      }
      const checked = await app.post('/tools/validate', whole);
      expect(checked.body.valid).toBe(false);
      expect(checked.body.problems.find((problem: { path: string }) => problem.path === path).hint).toMatch(/\w{3,}/);
      const imported = await app.post('/tools/import', { config: { mcpServers: { evil: attack } } });
      if (path === 'cwd')
        await app.delete('/tools/evil'); // comes in disabled: a file of somebody else's folder
      else expect(imported.body).toMatchObject({ created: [], skipped: [{ name: 'evil' }] });
      expect((await app.get('/tools/honest')).body.args).toEqual(aTool().args);
    },
  );

  it('does not show the code in its answer', async () => {
    const { body } = await app.post('/tools', { name: 'evil', command: NODE, args: [`--eval=${JS}`] });
    expect(JSON.stringify(body)).not.toContain('writeFileSync');
    expect(JSON.stringify(body)).toContain('TOOLS_ALLOW_INLINE_CODE');
  });

  it('hands over shell characters as they are: no shell reads them', async () => {
    const args = [`; ${SH}`, `$(${SH})`, `\`${SH}\``, `a\n${SH}`, '| cat', '&& x', '*', '~', '$HOME', '-e', 'x'];
    await app.post('/tools', { name: 'literal', command: NODE, args: [STUB, ...args], restartPolicy: 'never' });
    expect((await app.post('/tools/literal/start')).body.reason).toBe('exited_before_handshake');
    expect(JSON.parse(readFileSync(ARGV, 'utf8'))).toEqual(args);
  });

  it.each(['viewer', 'operator'])('A8: lets no %s make, change, check, probe or import a tool', async (role) => {
    const [username, password] = [`${role}-of-a8`, 'a password of this test alone'];
    expect((await app.post('/users', { username, password, role })).status).toBe(201);
    const { accessToken } = (await app.login(username, password)).body;
    const evil = { name: 'evil', command: NODE, args: [STUB, 'a8'] };
    rmSync(ARGV, { force: true });
    for (const [method, route, body] of [
      ['POST', '/tools', evil],
      ['PUT', '/tools/honest', { ...evil, name: 'honest' }],
      ['PATCH', '/tools/honest', { args: [STUB] }],
      ['DELETE', '/tools/honest', undefined],
      ['POST', '/tools/probe', evil],
      ['POST', '/tools/validate', evil],
      ['POST', '/tools/import', { config: { mcpServers: { evil } } }],
      ['POST', '/tools/honest/reveal', undefined],
    ] as const) {
      expect((await app.request(method, route, { body, token: accessToken })).status).toBe(403);
    }
    expect(existsSync(ARGV)).toBe(false);
    expect((await app.get('/tools/evil')).status).toBe(404);
  });
});

describe('A9: definitions that came into the database past the rules', () => {
  afterEach(() => expect(existsSync(CANARY)).toBe(false));

  it.each([
    ['inline_code_refused', { command: NODE, args: ['-e', JS] }],
    ['env_refused', {}],
  ])('are refused at each start with %s, and at the start of MCPS.ONE too', async (code, columns) => {
    const first = await startTestApp({ env: { TOOLS_ALLOW_INLINE_CODE: 'true' } });
    const env = code === 'env_refused' ? { NODE_OPTIONS: `--require=${PRELOAD}` } : {};
    expect((await first.post('/tools', aTool({ name: 'old', env, enabled: false }))).status).toBe(201);
    await first.nest
      .get(DataSource)
      .manager.update(Tool, { name: 'old' }, { enabled: true, desired: 'running', ...columns });
    await first.close();

    const app = await startTestApp({ reuse: first });
    const { status, body } = await app.post('/tools/old/start');
    expect({ status, reason: body.reason, state: body.state }).toEqual({ status: 502, reason: code, state: 'failed' });
    expect(body.hint).toContain('TOOLS_ALLOW_INLINE_CODE');
    expect((await app.get('/tools/old/status')).body).toMatchObject({
      state: 'failed',
      pid: null,
      lastError: { code },
    });
    expect((await app.post('/tools/old/restart')).body.reason).toBe(code);
    await app.stop();
  });
});

describe('TOOLS_ALLOW_INLINE_CODE', () => {
  it('accepts and runs inline code, but never the mark of our own processes', async () => {
    const app = await startTestApp({ env: { TOOLS_ALLOW_INLINE_CODE: 'true' } });
    const [script] = aTool().args as string[];
    const code = `import(${JSON.stringify(script)}).then(() => {})`;
    expect((await app.post('/tools/validate', { name: 'inline', command: NODE, args: ['-e', code] })).body.valid).toBe(
      true,
    );
    await app.post('/tools', { name: 'shell', command: 'sh', args: ['-c', `exec "${NODE}" "${script}"`] });
    expect((await app.post('/tools/shell/start')).body.state).toBe('running');
    expect((await app.post('/tools', aTool({ name: 'marked', env: { MCPS_INSTANCE: 'x' } }))).status).toBe(400);
    await app.stop();
  });
});
