import { DataSource } from 'typeorm';
import { ApiKey } from '../src/auth/api-key.entity';
import { ApiKeyUsage } from '../src/auth/api-key-usage';
import { newApiKey } from '../src/auth/api-key-text';
import { PrincipalRevocations, type Revocation } from '../src/auth/principal-revocations';
import { aTool } from './support/a-tool';
import { aKey, aUser } from './support/accounts';
import { startTestApp, type TestApp } from './support/test-app';

/** The two ways to send a key. */
const asHeaders = (key: string): Record<string, string>[] => [{ authorization: `Bearer ${key}` }, { 'x-api-key': key }];

describe('API keys', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    for (const name of ['tool-a', 'tool-b']) await app.post('/tools', aTool({ name }));
  });
  afterAll(() => app.stop());

  const codeOf = ({ status, body }: { status: number; body: any }) => ({ status, code: body.code });

  it('are shown once, stored as a hash and listed without the key', async () => {
    const made = await app.post('/api-keys', { name: 'ci', role: 'operator', tools: ['tool-a'], expiresAt: null });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      ...{ id: made.body.id, name: 'ci', role: 'operator', tools: ['tool-a'], expiresAt: null, lastUsedAt: null },
      ...{ prefix: made.body.key.slice(0, 13), key: expect.stringMatching(/^mcps_[\w-]{49}$/) },
      createdAt: expect.any(String),
    });
    const list = await app.get('/api-keys');
    const listed = list.body.items.find(({ id }: { id: string }) => id === made.body.id);
    expect(listed).toEqual({ ...made.body, key: undefined });
    expect(listed).not.toHaveProperty('key');
    const rows = await app.nest.get(DataSource).manager.find(ApiKey);
    const { body: operations } = await app.get('/logs/operations?action=api-key.create');
    expect(operations.items[0]).toMatchObject({
      ...{ outcome: 'success', target: { type: 'api-key', id: made.body.id, name: 'ci' } },
      changes: { role: 'operator', tools: ['tool-a'] },
    });
    expect(JSON.stringify([list.body, rows, operations, app.log])).not.toContain(made.body.key);
  });

  it('come as a bearer token or as X-API-Key, and say who they are', async () => {
    const { id, key } = await aKey(app, { role: 'viewer', name: 'who' });
    for (const headers of asHeaders(key)) {
      const { body } = await app.get('/auth/me', { token: null, headers });
      expect(body).toEqual({ type: 'apiKey', id, name: 'who', role: 'viewer' });
    }
    // The Authorization header decides where there is one.
    const both = await app.get('/auth/me', { headers: { 'x-api-key': key } });
    expect(both.body.type).toBe('user');
  });

  it('A1: that are not exactly ours are refused with a challenge, in headers and never in a URL', async () => {
    const { key } = await aKey(app, { role: 'admin' });
    const wrong = [newApiKey(), key.slice(0, -1), `${key}x`, key.toUpperCase(), 'mcps_', `mcps_${'A'.repeat(49)}`];
    for (const text of wrong) {
      for (const headers of asHeaders(text)) {
        const answer = await app.get('/tools', { token: null, headers });
        expect({ text, status: answer.status }).toEqual({ text, status: 401 });
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
      }
    }
    for (const path of [`/tools?key=${key}`, `/tools?access_token=${key}`, `/tools?api_key=${key}`]) {
      expect((await app.get(path, { token: null })).status).toBe(401);
    }
  });

  it('act under their own name in the operation log', async () => {
    const { id, key } = await aKey(app, { role: 'admin', name: 'deployer' });
    await app.post('/tools', aTool({ name: 'by-key' }), { token: key });
    const { body } = await app.get('/logs/operations?action=tool.create&limit=1');
    expect(body.items[0]).toMatchObject({
      actor: { type: 'apiKey', id, name: 'deployer' },
      target: { name: 'by-key' },
    });
    await app.delete('/tools/by-key');
  });

  it('are out with their next request once they are revoked, and whoever holds on to them is told', async () => {
    const { id, key } = await aKey(app, { role: 'viewer' });
    const heard: Revocation[] = [];
    const stop = app.nest.get(PrincipalRevocations).onRevoked((revocation) => heard.push(revocation));
    expect((await app.get('/tools', { token: key })).status).toBe(200);
    expect((await app.delete(`/api-keys/${id}`)).status).toBe(204);
    stop();
    expect((await app.get('/tools', { token: key })).status).toBe(401);
    expect(heard).toEqual([{ type: 'apiKey', id }]);
    for (const gone of [id, 'x', '%00']) {
      expect(codeOf(await app.delete(`/api-keys/${gone}`))).toEqual({ status: 404, code: 'api_key_not_found' });
    }
    const { body } = await app.get(`/logs/operations?targetId=${id}&action=api-key.delete`);
    expect(body.items.map((row: any) => row.outcome)).toEqual(['failure', 'success']);
  });

  it('end when they were told to', async () => {
    const { id, key } = await aKey(app, { role: 'viewer', expiresAt: '2099-12-31T23:59:59+01:00' });
    const { body } = await app.get('/api-keys?limit=500');
    const listed = body.items.find((item: { id: string }) => item.id === id);
    expect(listed.expiresAt).toBe('2099-12-31T22:59:59.000Z');
    expect((await app.get('/tools', { token: key })).status).toBe(200);
    const { key: ended, id: endedId } = await aKey(app, { role: 'viewer', expiresAt: '2099-12-31T23:59:59Z' });
    await app.nest.get(DataSource).manager.update(ApiKey, { id: endedId }, { expiresAt: Date.now() - 1 });
    expect((await app.get('/tools', { token: ended })).status).toBe(401);
  });

  it('say when they were last used, at once, and store it in one go', async () => {
    const { id, key } = await aKey(app, { role: 'viewer' });
    const lastUsed = async () =>
      (await app.get('/api-keys?limit=500')).body.items.find((item: { id: string }) => item.id === id).lastUsedAt;
    const stored = async () => (await app.nest.get(DataSource).manager.findOneBy(ApiKey, { id }))?.lastUsedAt;
    expect(await lastUsed()).toBeNull();
    const before = Date.now();
    await app.get('/auth/me', { token: key });
    expect(Date.parse(await lastUsed())).toBeGreaterThanOrEqual(before);
    expect(await stored()).toBeNull();
    await app.nest.get(ApiKeyUsage).write();
    expect(await stored()).toBeGreaterThanOrEqual(before);
  });

  it.each([
    ['name', ''],
    ['name', 'x'.repeat(101)],
    ['name', 'a\nb'],
    ['role', 'owner'],
    ['role', undefined],
    ['tools', []],
    ['tools', 'tool-a'],
    ['tools', ['tool-a', 'tool-a']],
    ['expiresAt', 'tomorrow'],
    ['expiresAt', '2020-01-01T00:00:00Z'],
    ['expiresAt', '2099-01-01'],
    ['expiresAt', 4102444800000],
    // A18
    ['id', 'x'],
    ['key', 'mcps_mine'],
    ['hash', 'x'],
    ['createdAt', 0],
  ])('are not made with %s %j', async (field, value) => {
    const { status, body } = await app.post('/api-keys', { name: 'bad', role: 'viewer', [field]: value });
    expect({ status, path: body.errors?.[0].path }).toEqual({ status: 400, path: field });
  });

  it('are not made for tools that do not exist', async () => {
    const { status, body } = await app.post('/api-keys', { name: 'bad', role: 'viewer', tools: ['tool-a', 'nowhere'] });
    expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'tools.1' });
  });
});

describe('API keys that are limited to some tools', () => {
  let app: TestApp;
  let operator: string;
  let admin: string;
  beforeAll(async () => {
    app = await startTestApp();
    for (const name of ['mine', 'theirs']) {
      await app.post('/tools', aTool({ name }));
      await app.post(`/tools/${name}/start`);
      await app.post(`/tools/${name}/call`, { name: 'echo', arguments: { text: `said to ${name}` } });
    }
    operator = (await aKey(app, { role: 'operator', tools: ['mine'] })).key;
    admin = (await aKey(app, { role: 'admin', tools: ['mine'] })).key;
  });
  afterAll(() => app.stop());

  const codeOf = ({ status, body }: { status: number; body: any }) => ({ status, code: body.code });

  it('A15: see and use their tools, by id and by name', async () => {
    const { body: tool } = await app.get('/tools/mine');
    for (const named of ['mine', tool.id]) {
      expect((await app.get(`/tools/${named}`, { token: operator })).body.name).toBe('mine');
      expect((await app.get(`/tools/${named}/status`, { token: operator })).status).toBe(200);
      const call = { name: 'echo', arguments: { text: 'hello' } };
      expect((await app.post(`/tools/${named}/call`, call, { token: operator })).status).toBe(200);
      expect((await app.post(`/tools/${named}/restart`, undefined, { token: operator })).status).toBe(200);
    }
  });

  it('A15: see no other tool in the list, and are refused when they name one, whether it exists or not', async () => {
    const { body } = await app.get('/tools', { token: operator });
    expect({ names: body.items.map((tool: any) => tool.name), total: body.total }).toEqual({
      names: ['mine'],
      total: 1,
    });
    expect((await app.get('/tools?search=theirs', { token: operator })).body.items).toEqual([]);
    const { body: other } = await app.get('/tools/theirs');
    for (const named of ['theirs', other.id, 'nowhere', '0192f0c1-0000-7000-8000-000000000000', '%00']) {
      for (const [method, path] of [
        ['GET', ''],
        ['GET', '/status'],
        ['GET', '/stderr'],
        ['GET', '/capabilities'],
        ['POST', '/start'],
        ['POST', '/stop'],
        ['POST', '/restart'],
        ['POST', '/call'],
        ['POST', '/request'],
      ]) {
        const answer = await app.request(method ?? '', `/tools/${named}${path}`, { token: operator });
        expect({ named, path, ...codeOf(answer) }).toEqual({ named, path, status: 403, code: 'tool_out_of_scope' });
      }
    }
    expect((await app.get('/tools/theirs/status')).body.state).toBe('running');
    const rows = await app.get('/logs/operations?outcome=refused&action=tool.stop');
    expect(rows.body.items[0] ?? { target: { name: 'theirs' } }).toMatchObject({ target: { type: 'tool' } });
  });

  it('A15: have an outcome of their own for each tool of a batch', async () => {
    const { body } = await app.post('/tools/batch', { action: 'stop', tools: ['theirs', 'mine'] }, { token: operator });
    expect(body.items).toMatchObject([
      { tool: 'theirs', ok: false, code: 'tool_out_of_scope' },
      { tool: 'mine', ok: true },
    ]);
    expect((await app.get('/tools/theirs/status')).body.state).toBe('running');
  });

  it('read the messages of their tools alone', async () => {
    for (const query of ['?limit=500', '?tool=theirs', '?search=said to theirs']) {
      const { body } = await app.get(`/logs/mcp${query}`, { token: operator });
      expect(body.items.filter((row: any) => row.toolName !== 'mine')).toEqual([]);
    }
    const { body } = await app.get('/logs/mcp?search=said to mine', { token: operator });
    expect(body.items.length).toBeGreaterThan(0);
    for (const log of ['system', 'operations']) {
      expect(codeOf(await app.get(`/logs/${log}`, { token: operator }))).toEqual({
        status: 403,
        code: 'scope_missing',
      });
    }
  });

  it('change no definition and see no secret, not even as an admin and of their own tools', async () => {
    const tries: [string, string, unknown?][] = [
      ['POST', '/tools', aTool({ name: 'new' })],
      ['PUT', '/tools/mine', aTool({ name: 'mine' })],
      ['PATCH', '/tools/mine', { command: 'other' }],
      ['DELETE', '/tools/mine'],
      ['POST', '/tools/mine/reveal'],
      ['POST', '/tools/probe', aTool()],
      ['POST', '/tools/validate', aTool()],
      ['POST', '/tools/import', { config: { mcpServers: {} } }],
      ['GET', '/tools/export'],
      ['POST', '/tools/batch', { action: 'delete', tools: ['mine'] }],
      ['GET', '/users'],
      ['POST', '/api-keys', { name: 'wider', role: 'admin' }],
    ];
    for (const [method, path, body] of tries) {
      const answer = await app.request(method, path, { token: admin, body });
      expect({ path, ...codeOf(answer) }).toEqual({ path, status: 403, code: 'scope_missing' });
    }
  });

  it('see nothing at all once their tools are deleted, and no namesake gets into their scope', async () => {
    await app.post('/tools', aTool({ name: 'passing' }));
    const { id, key } = await aKey(app, { role: 'operator', tools: ['passing'] });
    await app.delete('/tools/passing');
    const scope = async () =>
      (await app.get('/api-keys')).body.items.find((item: { id: string }) => item.id === id).tools;
    expect(await scope()).toEqual([]);
    await app.post('/tools', aTool({ name: 'passing' }));
    expect(await scope()).toEqual([]);
    expect((await app.get('/tools', { token: key })).body).toMatchObject({ items: [], total: 0 });
    expect((await app.get('/logs/mcp', { token: key })).body.items).toEqual([]);
    expect((await app.get('/tools/passing', { token: key })).status).toBe(403);
  });

  it('follow a tool to its new name', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'before' }));
    const { key } = await aKey(app, { role: 'viewer', tools: [tool.id] });
    await app.patch('/tools/before', { name: 'after' });
    expect((await app.get('/tools/after', { token: key })).status).toBe(200);
    expect((await app.get('/tools', { token: key })).body.items[0].name).toBe('after');
  });

  it('are for machines: what belongs to a login is for users', async () => {
    await aUser(app, 'viewer');
    const { key } = await aKey(app, { role: 'admin' });
    const tries: [string, string, unknown?][] = [
      ['POST', '/auth/logout'],
      ['GET', '/auth/sessions'],
      ['DELETE', '/auth/sessions/0192f0c1-0000-7000-8000-000000000000'],
      ['PUT', '/auth/password', { currentPassword: 'x', newPassword: 'four candles, fork handles' }],
    ];
    for (const [method, path, body] of tries) {
      const answer = await app.request(method, path, { token: key, body });
      expect({ path, ...codeOf(answer) }).toEqual({ path, status: 403, code: 'users_only' });
    }
  });
});
