/** Each setting with what it changes: in force when PUT has answered, gone when it is given back, there after a restart. */
import { aLogin, aUser } from './support/accounts';
import { aTool } from './support/a-tool';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';
import { ToolUnderTest } from './support/tool-under-test';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function set(changes: Record<string, unknown>): Promise<void> {
  const { status, body } = await app.put('/system/config', changes);
  if (status !== 200) throw new Error(`The settings were not changed: ${JSON.stringify(body)}`);
}

const aFaulty = (name: string, flags: string[], more: Record<string, unknown> = {}) =>
  ToolUnderTest.create((method, path, body) => app.request(method, path, { body }), { name, flags, ...more });

const mine = async (token: string, count: number): Promise<number[]> => {
  const statuses = [];
  for (let n = 0; n < count; n++) statuses.push((await app.get('/auth/me', { token })).status);
  return statuses;
};

describe('limits.requestsPerMinute', () => {
  it('limits the next request, counts on when it is another number, and lets all in when it is given back', async () => {
    const { token } = await aUser(app, 'viewer');
    await set({ 'limits.requestsPerMinute': 30 });
    expect(await mine(token, 20)).toEqual(Array(20).fill(200));
    await set({ 'limits.requestsPerMinute': 22 });
    expect(await mine(token, 3)).toEqual([200, 200, 429]);
    await set({ 'limits.requestsPerMinute': 23 });
    const last = await app.get('/auth/me', { token });
    expect([last.status, last.headers.get('ratelimit-limit'), last.headers.get('ratelimit-remaining')]).toEqual([
      ...[200, '23', '0'],
    ]);
    await set({ 'limits.requestsPerMinute': null });
    expect(await mine(token, 30)).toEqual(Array(30).fill(200));
  });
});

describe('limits.authRequestsPerMinute', () => {
  it('limits the next login, and lets all in when it is given back', async () => {
    const { username } = await aUser(app, 'viewer');
    await set({ 'limits.authRequestsPerMinute': 2 });
    await aLogin(app, username);
    await aLogin(app, username);
    expect(await app.login(username, 'x')).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    await set({ 'limits.authRequestsPerMinute': null });
    await aLogin(app, username);
  });
});

describe('auth.accessTokenMinutes', () => {
  it('is the life of the next token; those issued before keep theirs', async () => {
    const { username, token } = await aUser(app, 'viewer');
    await set({ 'auth.accessTokenMinutes': 7 });
    const { body } = await app.post('/auth/login', { username, password: 'turtles all the way down' });
    expect([body.expiresIn, lifeOf(body.accessToken), lifeOf(token)]).toEqual([420, 420, 1800]);
    await set({ 'auth.accessTokenMinutes': null });
    expect(lifeOf((await aLogin(app, username)).token)).toBe(1800);
  });

  const lifeOf = (token: string): number => {
    const { exp, iat } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return exp - iat;
  };
});

describe('tools.allowInlineCode', () => {
  const [script] = aTool().args as string[];
  const inline = (name: string) => ({
    name,
    command: 'sh',
    args: ['-c', `exec "${process.execPath}" "${script}"`],
    restartPolicy: 'always',
  });
  const isValid = async () => (await app.post('/tools/validate', inline('any'))).body.valid;

  it('accepts inline code at once, and refuses it at once: in definitions, at a start, and at the next life', async () => {
    expect([await isValid(), (await app.post('/tools', inline('one'))).status]).toEqual([false, 400]);
    await set({ 'tools.allowInlineCode': true });
    expect(await isValid()).toBe(true);
    for (const name of ['one', 'two']) {
      expect((await app.post('/tools', inline(name))).status).toBe(201);
      expect((await app.post(`/tools/${name}/start`)).status).toBe(200);
    }
    await set({ 'tools.allowInlineCode': null });
    expect([await isValid(), (await app.post('/tools', inline('three'))).status]).toEqual([false, 400]);
    // What runs goes on, but has no next life.
    const { body } = await app.get('/tools/one/status');
    expect(body).toMatchObject({ state: 'running', restartRequired: false });
    process.kill(body.pid, 'SIGKILL');
    await waitUntil(
      async () => {
        const { state, lastError } = (await app.get('/tools/one/status')).body;
        expect([state, lastError?.code]).toEqual(['failed', 'inline_code_refused']);
        return true;
      },
      { what: 'its next life is refused' },
    );
    expect((await app.post('/tools/two/restart')).body).toMatchObject({ status: 502, reason: 'inline_code_refused' });
    await set({ 'tools.allowInlineCode': true });
    expect((await app.post('/tools/two/start')).status).toBe(200);
    await set({ 'tools.allowInlineCode': null });
  });
});

describe('mcp.timeoutSeconds', () => {
  it('ends calls of tools that say nothing of their own, those that run included, without a restart', async () => {
    const tool = await aFaulty('mute', ['--in-call', 'mute']);
    const { pid } = (await tool.start()).body;
    const before = await app.get('/tools/mute');
    expect(before.body).toMatchObject({ timeoutMs: 30_000, followsSettings: ['maxRetries', 'timeoutMs'] });
    await set({ 'mcp.timeoutSeconds': 1 });
    const { status, body } = await tool.call('echo', { text: 'x' });
    expect([status, body.code, body.detail]).toEqual([
      504,
      'tool_timeout',
      'mute did not answer tools/call within 1000 ms',
    ]);
    const after = await app.get('/tools/mute');
    expect(after.body).toMatchObject({
      timeoutMs: 1000,
      version: before.body.version,
      status: { state: 'running', pid, restartRequired: false },
    });
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
    await set({ 'mcp.timeoutSeconds': null });
    expect((await app.get('/tools/mute')).body.timeoutMs).toBe(30_000);
  });

  it('is no business of a tool that has said its own, until that takes its word back', async () => {
    const { body } = await app.post('/tools', aTool({ name: 'own', timeoutMs: 4_000, maxRetries: 9 }));
    expect(body).toMatchObject({ timeoutMs: 4_000, maxRetries: 9, followsSettings: [] });
    await set({ 'mcp.timeoutSeconds': 2, 'mcp.maxRetries': 1 });
    const shown = async () => {
      const { timeoutMs, maxRetries, followsSettings } = (await app.get('/tools/own')).body;
      return [timeoutMs, maxRetries, followsSettings];
    };
    expect(await shown()).toEqual([4_000, 9, []]);
    await app.patch('/tools/own', { timeoutMs: null });
    expect(await shown()).toEqual([2_000, 9, ['timeoutMs']]);
    await app.patch('/tools/own', { description: 'something else' });
    expect(await shown()).toEqual([2_000, 9, ['timeoutMs']]);
    await app.put('/tools/own', aTool({ name: 'own', timeoutMs: null }));
    expect(await shown()).toEqual([2_000, 1, ['maxRetries', 'timeoutMs']]);
    await app.patch('/tools/own', { maxRetries: 0 });
    expect(await shown()).toEqual([2_000, 0, ['timeoutMs']]);
    await set({ 'mcp.timeoutSeconds': null, 'mcp.maxRetries': null });
    expect(await shown()).toEqual([30_000, 0, ['timeoutMs']]);
    const { items } = (await app.get('/logs/operations?action=tool.update&limit=1')).body;
    expect(items[0].changes).toEqual({ maxRetries: { before: null, after: 0 } });
  });

  it('holds for a start, for what is tried once and for what is imported too', async () => {
    await set({ 'mcp.timeoutSeconds': 1 });
    const silent = aTool({ name: 'silent', command: 'sleep', args: ['600'], restartPolicy: 'never' });
    const probe = await app.post('/tools/probe', silent);
    expect(probe.body).toMatchObject({ ok: false, error: { code: 'handshake_timeout' } });
    await app.post('/tools', silent);
    expect((await app.post('/tools/silent/start')).body.reason).toBe('handshake_timeout');
    const mcpServers = { imported: { command: 'node' }, slow: { command: 'node', timeout: 60_000 } };
    expect((await app.post('/tools/import', { config: { mcpServers } })).body.created).toHaveLength(2);
    expect((await app.get('/tools/imported')).body.timeoutMs).toBe(1_000);
    expect((await app.get('/tools/slow')).body.followsSettings).toEqual(['maxRetries']);
    await set({ 'mcp.timeoutSeconds': null });
    expect((await app.get('/tools/imported')).body.timeoutMs).toBe(30_000);
  });
});

describe('mcp.maxRetries', () => {
  it('ends a crash loop that is under way after the new number', async () => {
    const tool = await aFaulty('crashing', ['--at-start', 'exit:1'], { restartPolicy: 'always' });
    expect((await tool.start()).body.state).toBe('backoff');
    await set({ 'mcp.maxRetries': 1 });
    const failed = await tool.until('has failed', ({ state }) => state === 'failed');
    expect(failed).toMatchObject({ restarts: 1, restartRequired: false });
    expect(failed.lastError.message).toContain('gave up after 1 restarts in a row');
    await set({ 'mcp.maxRetries': 0 });
    await tool.start();
    expect((await tool.status()).lastError.message).toContain('no restart is allowed');
    await set({ 'mcp.maxRetries': null });
    expect((await tool.start()).body.state).toBe('backoff');
    await tool.stop();
  });
});

describe('mcp.healthIntervalSeconds', () => {
  it('finds a mute tool sooner, and doubts nobody when it is 0', async () => {
    // Its own requests of the start end soon: a tool that has something to do is not asked.
    const tool = await aFaulty('frozen', [], { timeoutMs: 1_000, startTimeoutMs: 60_000 });
    const { pid } = (await tool.start()).body;
    process.kill(pid, 'SIGSTOP');
    await set({ 'mcp.healthIntervalSeconds': 1 });
    await tool.until('is doubted', ({ lastError }) => lastError?.code === 'unresponsive');
    await set({ 'mcp.healthIntervalSeconds': 0 });
    process.kill(pid, 'SIGCONT');
    const { state, lastError } = await tool.status();
    expect([state, lastError]).toEqual(['running', null]);
    await set({ 'mcp.healthIntervalSeconds': null });
  });
});

describe('all of them', () => {
  it('are what they were made after a restart, in what they do as well', async () => {
    await app.post('/tools', aTool({ name: 'kept' }));
    await set({
      'auth.accessTokenMinutes': 9,
      'limits.requestsPerMinute': 500,
      'mcp.maxRetries': 8,
      'mcp.timeoutSeconds': 12,
      'tools.allowInlineCode': true,
    });
    await app.close();
    app = await startTestApp({ reuse: app });
    const login = await app.login('admin', 'a password of the tests alone');
    expect(login.body.expiresIn).toBe(540);
    const tool = await app.get('/tools/kept');
    expect(tool.headers.get('ratelimit-limit')).toBe('500');
    expect(tool.body).toMatchObject({ maxRetries: 8, timeoutMs: 12_000 });
    const inline = { name: 'inline', command: process.execPath, args: ['-e', ''] };
    expect((await app.post('/tools/validate', inline)).body.valid).toBe(true);
  });
});
