import { RestoreWatch } from '../src/availability/restore-watch';
import { Maintenance } from '../src/availability/maintenance';
import { initializeRequest, raw } from './support/mcp-clients';
import { startTestApp, type TestApp } from './support/test-app';

describe('maintenance', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { CORS_ORIGINS: 'https://dashboard.example.com' } });
  });
  afterAll(() => app.stop());
  afterEach(() => app.nest.get(Maintenance).leave());

  const enter = () => app.nest.get(Maintenance).enter('a backup is being restored', 12);

  it.each([
    ['GET', '/tools'],
    ['POST', '/tools'],
    ['POST', '/auth/login'],
    ['GET', '/no/such/route'],
    ['GET', '/system/backups'],
    ['DELETE', '/system/backups/some-id'],
    ['GET', '/system/backups/some-id/download'],
  ])('answers %s %s with 503, a reason and when to come again, whoever asks', async (method, path) => {
    enter();
    for (const token of [app.token, null]) {
      const { status, body, headers } = await app.request(method, path, { token });
      expect({ status, code: body.code, detail: body.detail }).toEqual({
        status: 503,
        code: 'maintenance',
        detail: expect.stringContaining('a backup is being restored'),
      });
      expect(headers.get('retry-after')).toBe('12');
      expect(headers.get('content-type')).toContain('application/problem+json');
    }
  });

  it('answers MCP clients at the gateway the same way, whoever asks and for whatever tool', async () => {
    enter();
    for (const tool of ['a-tool', 'no-such-tool', '']) {
      const answer = await raw({ origin: app.origin, key: 'mcps_nobody', tool }, initializeRequest());
      expect([answer.status, answer.headers.get('retry-after'), answer.body.error]).toEqual([
        503,
        '12',
        expect.objectContaining({ message: expect.stringContaining('a backup is being restored') }),
      ]);
      expect(answer.body.error.data.code).toBe('maintenance');
    }
    app.nest.get(Maintenance).leave();
    expect((await raw({ origin: app.origin, key: 'mcps_nobody', tool: 'a-tool' }, initializeRequest())).status).toBe(
      401,
    );
  });

  it('lets pages of other origins read the answer', async () => {
    enter();
    const { headers } = await app.get('/tools', { headers: { origin: 'https://dashboard.example.com' } });
    expect(headers.get('access-control-allow-origin')).toBe('https://dashboard.example.com');
  });

  it('leaves open what tells how it goes: probes, and the page of a backup to whoever asked for its restore', async () => {
    enter();
    expect((await app.get('//health/live', { token: null })).status).toBe(200);
    const ready = await app.get('//health/ready', { token: null });
    expect([ready.status, ready.body.details.service]).toEqual([
      503,
      { status: 'down', message: 'maintenance: a backup is being restored' },
    ]);
    const page = '/system/backups/some-id?x=1';
    expect((await app.get(page)).body.code).toBe('maintenance');
    const admin = { type: 'user', id: 'u', name: 'admin', role: 'admin', sessionId: null, mustChangePassword: false };
    app.nest
      .get(RestoreWatch)
      .let({ authorization: `Bearer ${app.token}` }, { ...admin, toolIds: null, expiresAt: null });
    expect((await app.get(page)).body.code).not.toBe('maintenance');
    expect((await app.get('/system/backups')).body.code).toBe('maintenance');
    expect((await app.get('//docs')).status).toBe(200);
  });

  it('is over when it is left, and is entered by one alone', async () => {
    enter();
    expect(enter).toThrow(expect.objectContaining({ code: 'maintenance' }));
    app.nest.get(Maintenance).leave();
    expect((await app.get('/tools')).status).toBe(200);
    expect((await app.get('//health/ready')).status).toBe(200);
  });
});
