import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

const CANARY = 'canary-4f1c9d77e2';

describe('the registry of tools', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('fills in the documented defaults', async () => {
    const { body } = await app.post('/tools', { name: 'defaults', command: 'npx' });
    expect(body).toMatchObject({
      ...{ description: '', tags: [], transport: 'stdio', args: [], cwd: null, env: {}, url: null, headers: {} },
      ...{ enabled: true, autoStart: false, restartPolicy: 'on-failure', maxRetries: 3, timeoutMs: 30_000 },
      ...{ startTimeoutMs: null, recordPayloads: true, sharing: 'auto', memoryLimitBytes: null, version: 1 },
      status: { state: 'stopped', desired: 'on-demand', pid: null, lastError: null },
    });
  });

  it('takes a URL without a transport for a Streamable HTTP server', async () => {
    const { body } = await app.post('/tools', { name: 'remote-default', url: 'http://127.0.0.1:9/mcp' });
    expect(body).toMatchObject({ transport: 'streamable-http', command: null });
  });

  it('finds a tool by id and by name', async () => {
    const { body } = await app.post('/tools', aTool({ name: 'twice-found' }));
    expect((await app.get(`/tools/${body.id}`)).body).toEqual((await app.get('/tools/twice-found')).body);
  });

  it.each([
    '',
    'Upper',
    '-x',
    'a b',
    'ä',
    'x'.repeat(64),
    'export',
    'batch',
    'probe',
    '0192f0c1-0000-7000-8000-000000000000',
  ])('refuses the name "%s"', async (name) => {
    const { status, body } = await app.post('/tools', aTool({ name }));
    expect(status).toBe(400);
    expect(body.errors[0].path).toBe('name');
  });

  it('refuses a taken name with 409, also when renaming', async () => {
    await app.post('/tools', aTool({ name: 'taken' }));
    await app.post('/tools', aTool({ name: 'renamer' }));
    const again = await app.post('/tools', aTool({ name: 'taken' }));
    expect({ status: again.status, code: again.body.code }).toEqual({ status: 409, code: 'tool_name_taken' });
    expect((await app.patch('/tools/renamer', { name: 'taken' })).status).toBe(409);
    expect((await app.put('/tools/renamer', aTool({ name: 'taken' }))).status).toBe(409);
  });

  it.each([
    ['no command', { command: null }, 'command'],
    ['a shell line as command', { command: 'npx -y server' }, 'command'],
    ['a relative working directory', { cwd: 'here' }, 'cwd'],
    ['a URL on a stdio tool', { url: 'http://127.0.0.1/mcp' }, 'url'],
    ['inline code', { command: 'node', args: ['-e', 'process.exit()'] }, 'args[0]'],
    ['a preload library', { env: { LD_PRELOAD: '/tmp/x.so' } }, 'env.LD_PRELOAD'],
    ['a file URL', { transport: 'sse', command: null, args: [], url: 'file:///etc/passwd' }, 'url'],
    ['credentials in the URL', { transport: 'sse', command: null, args: [], url: 'http://u:p@127.0.0.1/' }, 'url'],
    ['a variable without a name', { env: { '1X': 'y' } }, 'env'],
    ['a number as a variable', { env: { X: 1 } }, 'env'],
    ['a header with a line end', { headers: { 'X-A': 'a\r\nX-B: b' } }, 'headers'],
  ])('refuses %s and says where', async (_, wrong, path) => {
    const { status, body } = await app.post('/tools', { ...aTool({ name: 'wrong' }), ...wrong });
    expect(status).toBe(400);
    expect(body.errors.map((error: { path: string }) => error.path)).toContain(path);
    expect((await app.get('/tools/wrong')).status).toBe(404);
  });

  it('pages through the list without gap or repetition, and filters it', async () => {
    for (let n = 0; n < 7; n++) await app.post('/tools', aTool({ name: `paged-${n}`, tags: ['paged', `n${n}`] }));
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await app.get(`/tools?tag=paged&limit=3${cursor}`);
      expect(body.total).toBe(7);
      seen.push(...body.items.map((tool: { name: string }) => tool.name));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => `paged-${n}`));
    expect((await app.get('/tools?search=PAGED-3')).body.items).toHaveLength(1);
    expect((await app.get('/tools?search=%25')).body.items).toHaveLength(0);
    expect((await app.get('/tools?tag=paged&state=running')).body.total).toBe(0);
    expect((await app.get('/tools?tag=paged&enabled=false')).body.total).toBe(0);
    expect((await app.get('/tools?tag=n4')).body.items[0].name).toBe('paged-4');
  });

  it('honours If-Match: 412 for an old version, and nothing is changed', async () => {
    await app.post('/tools', aTool({ name: 'versioned' }));
    const first = await app.patch('/tools/versioned', { description: 'one' }, { headers: { 'if-match': '"1"' } });
    expect({ status: first.status, etag: first.headers.get('etag') }).toEqual({ status: 200, etag: '"2"' });
    for (const request of [
      app.patch('/tools/versioned', { description: 'lost' }, { headers: { 'if-match': '"1"' } }),
      app.put('/tools/versioned', aTool({ name: 'versioned' }), { headers: { 'if-match': 'W/"2"' } }),
      app.delete('/tools/versioned', { headers: { 'if-match': '"1", "7"' } }),
    ]) {
      expect((await request).status).toBe(412);
    }
    expect((await app.delete('/tools/versioned', { headers: { 'if-match': 'two' } })).status).toBe(400);
    expect((await app.get('/tools/versioned')).body).toMatchObject({ description: 'one', version: 2 });
    expect((await app.delete('/tools/versioned', { headers: { 'if-match': '"2"' } })).status).toBe(204);
  });

  it('merges patches: null sets a field back, the rest stays, maps merge by name', async () => {
    await app.post(
      '/tools',
      aTool({ name: 'merged', tags: ['a'], timeoutMs: 5000, env: { A: 'aaaaaa', B: 'bbbbbb' } }),
    );
    const patch = { tags: null, timeoutMs: null, env: { B: null, C: 'cccccc' }, description: 'new' };
    const { body } = await app.patch('/tools/merged', patch, {
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(body).toMatchObject({
      tags: [],
      timeoutMs: 30_000,
      description: 'new',
      env: { A: '***', C: '***' },
      version: 2,
    });
    expect(body.env).not.toHaveProperty('B');
    expect((await app.post('/tools/merged/reveal')).body).toEqual({ env: { A: 'aaaaaa', C: 'cccccc' }, headers: {} });
  });

  it('replaces the whole definition with PUT', async () => {
    await app.post('/tools', aTool({ name: 'replaced', tags: ['old'], env: { A: 'aaaaaa' } }));
    const { body } = await app.put('/tools/replaced', aTool({ name: 'replaced-new' }));
    expect(body).toMatchObject({ name: 'replaced-new', tags: [], env: {}, version: 2 });
    expect((await app.get('/tools/replaced')).status).toBe(404);
  });

  it('never answers a secret, keeps it when its mask is sent back, reveals it to an admin alone', async () => {
    const created = await app.post('/tools', aTool({ name: 'secretive', env: { API_KEY: CANARY } }));
    const headers = { Authorization: `Bearer ${CANARY}` };
    const remote = await app.post('/tools', { name: 'secretive-remote', url: 'http://127.0.0.1:9/mcp', headers });
    expect([created.body.env, remote.body.headers]).toEqual([{ API_KEY: '***' }, { Authorization: '***' }]);
    expect((await app.post('/tools/secretive-remote/reveal')).body).toEqual({ env: {}, headers });
    const kept = await app.put('/tools/secretive', aTool({ name: 'secretive', env: { API_KEY: '***' }, tags: ['x'] }));
    expect(kept.status).toBe(200);
    expect((await app.post('/tools/secretive/reveal')).body).toEqual({ env: { API_KEY: CANARY }, headers: {} });
    const unknown = await app.patch('/tools/secretive', { env: { OTHER: '***' } });
    expect(unknown.body.errors[0].path).toBe('env.OTHER');
    const operations = await app.get('/logs/operations?limit=500');
    for (const text of [created.body, remote.body, kept.body, operations.body, app.log])
      expect(JSON.stringify(text)).not.toContain(CANARY);
    expect(operations.body.items.some((row: { action: string }) => row.action === 'tool.reveal')).toBe(true);
  });

  it('writes a row of the operation log for each change, with what changed', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'audited', env: { OLD: 'old-value' } }));
    await app.patch('/tools/audited', { timeoutMs: 1000, env: { OLD: null, NEW: 'new-value' } });
    await app.patch('/tools/audited', { timeoutMs: 'soon' });
    await app.delete('/tools/audited');
    const { body } = await app.get(`/logs/operations?targetId=${tool.id}&order=asc`);
    expect(body.items).toMatchObject([
      {
        action: 'tool.create',
        outcome: 'success',
        actor: { type: 'user', name: 'admin' },
        target: { name: 'audited' },
      },
      {
        action: 'tool.update',
        changes: {
          timeoutMs: { before: null, after: 1000 },
          env: { added: ['NEW'], removed: ['OLD'], replaced: [] },
        },
      },
      { action: 'tool.update', outcome: 'failure', status: 400, changes: { code: 'validation_failed' } },
      { action: 'tool.delete', outcome: 'success', ip: '127.0.0.1' },
    ]);
    for (const [index, row] of body.items.entries()) expect(index === 0 || row.hash !== row.prevHash).toBe(true);
  });

  it('gives also what is refused before it is read its row of the operation log', async () => {
    const { body: tool } = await app.post('/tools', aTool({ name: 'strict' }));
    await app.post('/tools/strict/stop', { force: true });
    await app.request('DELETE', '/tools/strict?really=1');
    const { body } = await app.get('/logs/operations?outcome=failure&limit=2');
    expect(body.items).toMatchObject([
      { action: 'tool.delete', status: 400, changes: { code: 'validation_failed' } },
      { action: 'tool.stop', status: 400, changes: { code: 'validation_failed' } },
    ]);
    expect((await app.get(`/tools/${tool.id}`)).status).toBe(200);
  });

  it('disables and enables', async () => {
    await app.post('/tools', aTool({ name: 'switch' }));
    await app.post('/tools/switch/start');
    expect((await app.patch('/tools/switch', { enabled: false })).body.status.state).toBe('stopped');
    const refused = await app.post('/tools/switch/start');
    expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 409, code: 'tool_disabled' });
    expect((await app.patch('/tools/switch', { enabled: true })).body.enabled).toBe(true);
  });
});
