import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';
import { ToolRepository } from '../src/tools/tool.repository';

describe('a stdio tool from registration to deletion', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('is created, started, asked, called, recorded, stopped and deleted', async () => {
    const created = await app.post('/tools', aTool({ name: 'journey' }));
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe(`/api/v1/tools/${created.body.id}`);
    expect(created.headers.get('etag')).toBe('"1"');

    const started = await app.post('/tools/journey/start');
    expect(started.body).toMatchObject({ state: 'running', desired: 'running', protocolVersion: '2025-11-25' });
    expect(started.body.pid).toBeGreaterThan(0);

    const offered = await app.get('/tools/journey/capabilities');
    expect(offered.body.tools.map((tool: { name: string }) => tool.name)).toContain('echo');
    expect(offered.body.live).toBe(true);

    const called = await app.post('/tools/journey/call', { name: 'echo', arguments: { text: 'grüezi' } });
    expect(called.status).toBe(200);
    expect(called.body.result.content[0].text).toBe('Echo: grüezi');

    const logged = await app.get('/logs/mcp?tool=journey&method=tools/call');
    expect(logged.body.items).toMatchObject([
      { direction: 'from-server', kind: 'response', target: 'echo', outcome: 'ok', client: 'admin' },
      { direction: 'to-server', kind: 'request', target: 'echo', outcome: null, client: 'admin' },
    ]);

    expect((await app.post('/tools/journey/stop')).body).toMatchObject({
      state: 'stopped',
      desired: 'stopped',
      pid: null,
    });
    expect((await app.delete('/tools/journey')).status).toBe(204);
    expect((await app.get('/tools/journey')).body.code).toBe('tool_not_found');
    const after = await app.get('/logs/mcp?tool=journey');
    expect(after.body.items.length).toBeGreaterThan(0);
  });

  it('is compared with what is wished of it, as either database stores it', async () => {
    const ids = new Map<string, string>();
    for (const [name, enabled] of [
      ['rests', true],
      ['off', false],
    ] as const) {
      ids.set(name, (await app.post('/tools', aTool({ name, enabled }))).body.id);
    }
    const wishes = await app.nest.get(ToolRepository).listWishes();
    expect(wishes).toEqual([
      { id: ids.get('rests'), enabled: true, desired: 'on-demand' },
      { id: ids.get('off'), enabled: false, desired: 'on-demand' },
    ]);
  });
});
