import { ADMIN_PASSWORD, startTestApp, type TestApp } from './support/test-app';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { MCP_TIMEOUT: '45' } });
});
afterAll(() => app.stop());

describe('GET /system/config', () => {
  it('tells of each setting what it is, why, what it may be and what it means', async () => {
    const { status, body } = await app.get('/system/config');
    expect(status).toBe(200);
    expect(body['mcp.timeoutSeconds']).toEqual({
      value: 45,
      default: 30,
      source: 'env',
      editable: true,
      description: 'Seconds that a request to a tool may take unless the tool says otherwise',
      variable: 'MCP_TIMEOUT',
      schema: { type: 'integer', minimum: 1, maximum: 3600 },
    });
    expect(body['logs.mcpRetentionDays']).toMatchObject({ value: 14, source: 'default', variable: null });
    expect(body.port).toMatchObject({ value: 0, source: 'env', editable: false });
    const hidden = ['SECRET_KEY', 'SECRET_KEY_OLD', 'ADMIN_PASSWORD', 'DATABASE_URL'];
    expect(Object.values<any>(body).filter(({ variable }) => hidden.includes(variable))).toEqual([]);
    expect(JSON.stringify(body)).not.toContain(ADMIN_PASSWORD);
  });
});

describe('PUT /system/config', () => {
  it('changes what is named, answers the whole, and keeps it over a restart', async () => {
    const { status, body } = await app.put('/system/config', { 'mcp.maxRetries': 7, 'backup.schedule': '0 1 * * *' });
    expect(status).toBe(200);
    expect(body['mcp.maxRetries']).toMatchObject({ value: 7, source: 'database' });
    expect(body['mcp.timeoutSeconds']).toMatchObject({ value: 45, source: 'env' });
    await app.close();
    app = await startTestApp({ reuse: app, env: { MCP_TIMEOUT: '45' } });
    const after = await app.get('/system/config');
    expect(after.body['backup.schedule']).toMatchObject({ value: '0 1 * * *', source: 'database' });
    const reset = await app.put('/system/config', { 'mcp.maxRetries': null, 'backup.schedule': null });
    expect(reset.body['mcp.maxRetries']).toMatchObject({ value: 3, source: 'default' });
  });

  it('changes nothing where anything is wrong, and names each mistake', async () => {
    const { status, body } = await app.put('/system/config', {
      'mcp.maxRetries': 8,
      'backup.schedule': 'nightly',
      port: 1,
      unknown: true,
    });
    expect(status).toBe(400);
    expect(body.code).toBe('validation_failed');
    expect(body.errors.map(({ path }: { path: string }) => path)).toEqual(['backup.schedule', 'port', 'unknown']);
    expect((await app.get('/system/config')).body['mcp.maxRetries'].value).toBe(3);
    for (const raw of ['[]', 'null', '"text"', '']) {
      expect((await app.request('PUT', '/system/config', { raw })).status).toBe(400);
    }
  });

  it('refuses keys that every object has, and a flood of unknown ones', async () => {
    for (const raw of ['{"__proto__": {"mcp.maxRetries": 9}}', '{"constructor": 1}', '{"toString": null}']) {
      expect((await app.request('PUT', '/system/config', { raw })).status).toBe(400);
    }
    const flood = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`unknown ${index}`, null]));
    const { status, body } = await app.put('/system/config', flood);
    expect([status, body.errors.length]).toEqual([400, 100]);
    expect((await app.get('/system/config')).body['mcp.maxRetries'].value).toBe(3);
  });

  it('has a row in the operation log for each try', async () => {
    await app.put('/system/config', { 'backup.keep': 9 });
    await app.put('/system/config', { 'backup.keep': 0 });
    const { body } = await app.get('/logs/operations?action=config.update&limit=2');
    expect(body.items).toMatchObject([
      { outcome: 'failure', status: 400, actor: { name: 'admin' } },
      { outcome: 'success', changes: { 'backup.keep': { before: 7, after: 9 } }, target: { type: 'settings' } },
    ]);
  });
});
