import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

const SECRET = 'secret-of-an-import-51';

describe('importing, exporting, validating and probing definitions', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('imports a client configuration with comments, starts nothing and keeps secrets', async () => {
    const config = `{
      // what Claude Desktop holds
      "mcpServers": {
        "Weather Service": { "command": "npx", "args": ["-y", "weather-mcp"], "env": { "KEY": "${SECRET}" } },
        "remote": { "type": "http", "url": "http://127.0.0.1:9/mcp", "headers": { "Authorization": "Bearer ${SECRET}" } },
        "needs-input": { "command": "uvx", "args": ["tool"], "env": { "TOKEN": "\${GITHUB_TOKEN}" } },
        "broken": { "command": ["not", "text"] },
      },
    }`;
    process.env['GITHUB_TOKEN'] = 'never to be expanded';
    const dry = await app.post('/tools/import', { config, dryRun: true });
    expect(dry.body).toMatchObject({ created: ['weather-service', 'remote', 'needs-input'], dryRun: true });
    expect((await app.get('/tools')).body.total).toBe(0);

    const { status, body } = await app.post('/tools/import', { config });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      created: ['weather-service', 'remote', 'needs-input'],
      updated: [],
      skipped: [{ name: 'broken' }],
      missing: [{ name: 'needs-input', variable: 'GITHUB_TOKEN' }],
    });
    expect(JSON.stringify(body)).not.toContain(SECRET);
    expect((await app.post('/tools/weather-service/reveal')).body.env).toEqual({ KEY: SECRET });
    expect((await app.post('/tools/needs-input/reveal')).body.env).toEqual({ TOKEN: '${GITHUB_TOKEN}' });
    const tools = (await app.get('/tools')).body.items;
    for (const tool of tools) expect(tool.status).toMatchObject({ state: 'stopped', desired: 'stopped', pid: null });
    expect(tools.find((tool: { name: string }) => tool.name === 'needs-input').enabled).toBe(false);
    const rows = await app.get('/logs/operations?action=tool.import&outcome=success&order=asc');
    expect(rows.body.items.map((row: { target: { name: string } | null }) => row.target?.name)).toEqual([
      undefined, // the dry run
      'weather-service',
      'remote',
      'needs-input',
    ]);
    expect(rows.body.items[0].changes).toEqual({ dryRun: true });
  });

  it('skips names that exist unless told to overwrite, and then leaves no secret of before', async () => {
    await app.post('/tools', aTool({ name: 'mine', env: { OLD: 'old-secret' }, tags: ['kept'] }));
    const config = { mcpServers: { mine: { command: 'node', args: ['/new/server.js'], env: { NEW: 'new-secret' } } } };
    expect((await app.post('/tools/import', { config })).body).toMatchObject({
      created: [],
      skipped: [{ name: 'mine' }],
    });
    expect((await app.post('/tools/import', { config, overwrite: true })).body).toMatchObject({
      updated: ['mine'],
      skipped: [],
    });
    const { body } = await app.get('/tools/mine');
    expect(body).toMatchObject({ args: ['/new/server.js'], env: { NEW: '***' }, tags: ['kept'] });
    expect(body.env).not.toHaveProperty('OLD');
  });

  it('refuses what is no configuration, and says which shapes there are', async () => {
    for (const config of ['{ "mcpServers": ', 'hello', {}, { servers: 5 }, 7]) {
      const { status, body } = await app.post('/tools/import', { config });
      expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'config' });
    }
    expect((await app.post('/tools/import', {})).body.errors[0]).toEqual({ path: 'config', message: 'is missing' });
  });

  it.each(['claude-desktop', 'claude-code', 'cursor', 'vscode', 'windsurf'])(
    'exports for %s what can be imported again, without secrets',
    async (client) => {
      const [local, far] = [`local-${client}`, `far-${client}`];
      const headers = { Authorization: `Bearer ${SECRET}` };
      await app.post('/tools', aTool({ name: local, env: { KEY: SECRET } }));
      await app.post('/tools', { name: far, url: 'https://mcp.example.com/mcp', headers });
      const direct = await app.get(`/tools/export?client=${client}&target=direct`);
      expect(direct.status).toBe(200);
      expect(JSON.stringify(direct.body)).not.toContain(SECRET);
      const gateway = await app.get(`/tools/export?client=${client}`);
      expect(JSON.stringify(gateway.body)).toContain(`${app.origin}/mcp/${local}`);
      await app.post('/tools/batch', { action: 'delete', tools: [local, far] });
      const back = await app.post('/tools/import', { config: direct.body.config });
      expect(back.body.created).toEqual(expect.arrayContaining([local, far]));
      await app.post('/tools/batch', { action: 'delete', tools: [local, far] });
    },
  );

  it('validates without starting: what is wrong, where, and what to do', async () => {
    const good = await app.post('/tools/validate', aTool({ name: 'good' }));
    expect(good.body).toEqual({ valid: true, problems: [] });
    const bad = aTool({ name: 'bad', command: 'no-such-program', cwd: '/no/such/folder', env: { T: '${TOKEN}' } });
    const { body } = await app.post('/tools/validate', bad);
    expect(body.valid).toBe(false);
    const codes = body.problems.map(({ code, path }: { code: string; path: string }) => `${path}: ${code}`);
    expect(codes).toEqual(
      expect.arrayContaining(['command: command_not_found', 'cwd: cwd_not_found', 'env.T: unresolved_variable']),
    );
    for (const problem of body.problems) expect(problem.hint).toMatch(/\w{3,}/);
  });

  it('probes a definition once and leaves nothing of it', async () => {
    const ok = await app.post('/tools/probe', aTool({ name: 'probed' }));
    expect(ok.body).toMatchObject({ ok: true, protocolVersion: '2025-11-25', error: null });
    expect(ok.body.counts.tools).toBeGreaterThan(3);
    const failed = await app.post(
      '/tools/probe',
      aTool({ name: 'probed', env: { K: SECRET }, flags: ['--exit', '4', '--stderr', SECRET] }),
    );
    expect(failed.body).toMatchObject({ ok: false, counts: null, error: { code: 'exited_before_handshake' } });
    expect(JSON.stringify(failed.body)).not.toContain(SECRET);
    expect(failed.body.stderr.join()).toContain('***');
    expect((await app.get('/tools/probed')).status).toBe(404);
    expect((await app.get('/logs/mcp?tool=probed')).body.items).toEqual([]);
  });
});
