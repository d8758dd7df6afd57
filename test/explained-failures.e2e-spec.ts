import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { openFileDescriptors, waitUntil } from './support/process-tree';
import { StatusHistory } from './support/status-history';
import { startTestApp, type TestApp } from './support/test-app';

describe('a tool that fails', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  const logFolder = (): string => join(app.dataDir, 'logs', 'tools');
  const logOf = (name: string): string => {
    const file = existsSync(logFolder()) ? readdirSync(logFolder()).find((entry) => entry.startsWith(`${name}.`)) : '';
    return file ? readFileSync(join(logFolder(), file), 'utf8') : '';
  };
  const statusOf = async (name: string) => (await app.get(`/tools/${name}/status`)).body;

  it('for want of a variable is told by its name, and not started again in vain', async () => {
    const stderr = 'Error: GITHUB_TOKEN environment variable is required';
    await app.post('/tools', aTool({ name: 'no-token', flags: ['--exit', '1', '--stderr', stderr] }));
    const { status, body } = await app.post('/tools/no-token/start');
    expect({ status, reason: body.reason, hint: body.hint }).toEqual({
      status: 502,
      reason: 'variable_missing',
      hint: 'Set GITHUB_TOKEN in `env` of the tool',
    });
    expect(body.detail).toContain('the variable GITHUB_TOKEN is missing. Its last words on stderr:');
    expect(await statusOf('no-token')).toMatchObject({
      state: 'failed',
      restarts: 0,
      lastError: { code: 'variable_missing' },
      lastExit: { code: 1, signal: null },
    });
    // Not even once more without the probe: it never came to read that.
    await waitUntil(() => logOf('no-token') !== '', { what: 'its stderr is on disk' });
    expect(logOf('no-token').match(/is required/g)).toHaveLength(1);
    // Nothing is remembered against it: the next start tries.
    expect((await app.post('/tools/no-token/start')).body.reason).toBe('variable_missing');
  });

  it.each([
    ['port_in_use', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:3000'],
    ['module_not_found', "Error: Cannot find module 'express'"],
    ['credentials_refused', 'Error: Request failed with status code 401'],
    ['upstream_unreachable', 'Error: connect ECONNREFUSED 127.0.0.1:5432'],
  ])('with %s is told so, and tried again: that may pass', async (reason, stderr) => {
    const name = `fails-${reason.replaceAll('_', '-')}`;
    await app.post('/tools', aTool({ name, flags: ['--exit', '1', '--stderr', stderr] }));
    const { body } = await app.post(`/tools/${name}/start`);
    expect({ reason: body.reason, state: body.state }).toEqual({ reason, state: 'backoff' });
    expect(body.hint).toMatch(/\w{3,}/);
    await app.post(`/tools/${name}/stop`);
  });

  it('F24: by SIGSEGV says so, with the signal', async () => {
    const history = new StatusHistory(app);
    const { body: tool } = await app.post('/tools', aTool({ name: 'segfault' }));
    const { pid } = (await app.post('/tools/segfault/start')).body;
    process.kill(pid, 'SIGSEGV');
    const isDown = ({ state }: { state: string }) => state === 'backoff';
    const { lastError, lastExit } = await history.seen(tool.id, 'it waits to be started again', isDown);
    expect(lastError).toMatchObject({ code: 'crashed', message: expect.stringContaining('was ended by SIGSEGV') });
    expect(lastExit).toMatchObject({ code: null, signal: 'SIGSEGV' });
    await app.delete('/tools/segfault');
  });

  it('that waits for a login is told so when its time is over', async () => {
    const stderr = 'Please authorize this client by visiting: https://auth.example/authorize';
    // A shell is quick: it has said so long before its time is over.
    const script = join(app.dataDir, 'login.sh');
    writeFileSync(script, `echo '${stderr}' >&2\nwhile read -r line; do :; done\n`);
    const once = { restartPolicy: 'never', startTimeoutMs: 700 };
    await app.post('/tools', { ...aTool({ name: 'login', ...once }), command: 'sh', args: [script] });
    const { body } = await app.post('/tools/login/start');
    expect(body.reason).toBe('login_required');
  });

  it('leaves its stderr on disk, masked, for its owner alone, and no descriptor', async () => {
    const secret = 'sk-0123456789abcdef';
    const flags = ['--stderr', `the key ${secret} is fine`];
    await app.post('/tools', aTool({ name: 'written', flags, env: { API_KEY: secret } }));
    await app.post('/tools/written/start');
    await waitUntil(() => logOf('written').includes('the key'), { what: 'its stderr is on disk' });
    expect(logOf('written')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z the key \*\*\* is fine$/m);
    expect(statSync(logFolder()).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(logFolder())) expect(statSync(join(logFolder(), file)).mode & 0o777).toBe(0o600);
    await app.post('/tools/written/stop');
    const open = (): string[] => openFileDescriptors().filter((path) => path.includes('/tools/written.'));
    await waitUntil(() => open().length === 0, { what: 'its file is closed' });
    await app.delete('/tools/written');
    expect(logOf('written')).toContain('the key ***');
  });

  it('on trial leaves nothing on disk', async () => {
    await app.post('/tools/probe', aTool({ name: 'only-tried', flags: ['--stderr', 'on trial'] }));
    expect(logOf('only-tried')).toBe('');
  });
});
