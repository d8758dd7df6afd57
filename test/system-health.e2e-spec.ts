import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

describe('GET /system/health', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('tells in the form of Terminus that the database answers and how tools are kept from leaving processes over', async () => {
    const { status, body } = await app.get('/system/health');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'ok', error: {} });
    expect(body.details).toEqual(body.info);
    expect(body.details).toMatchObject({
      database: { status: 'up', type: expect.stringMatching(/^(sqlite|postgres)$/) },
      supervisor: {
        status: 'up',
        isolation: {
          level: 'guard',
          promise: expect.stringContaining('A guard process ends'),
          guard: { pid: null, respawns: 0 },
          notes: [],
        },
      },
      tools: { status: 'up', failed: [] },
    });
  });

  it('shows the guard as soon as there is something to guard', async () => {
    await app.post('/tools', aTool({ name: 'guarded' }));
    await app.post('/tools/guarded/start');
    const { body } = await app.get('/system/health');
    expect(body.details.supervisor.isolation.guard).toEqual({ pid: expect.any(Number), respawns: 0 });
    await app.post('/tools/guarded/stop');
  });

  it('names a failed tool with its code, and is 200 all the same: no restart of ours would mend it', async () => {
    await app.post('/tools', aTool({ name: 'broken', command: '/no/such/program', restartPolicy: 'never' }));
    expect((await app.post('/tools/broken/start')).status).toBe(502);
    const { status, body } = await app.get('/system/health');
    expect(status).toBe(200);
    expect(body.details.tools).toEqual({ status: 'up', failed: [{ name: 'broken', code: 'command_not_found' }] });
    await app.post('/tools/broken/stop');
    expect((await app.get('/system/health')).body.details.tools.failed).toEqual([]);
  });

  it('is for those who are logged in', async () => {
    expect((await app.get('/system/health', { token: null })).status).toBe(401);
  });
});
