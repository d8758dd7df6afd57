import { aTool } from './support/a-tool';
import { startTestApp, type TestApp } from './support/test-app';

describe('many writers at once', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('200 concurrent creates, updates, deletes and calls end without an error, and nothing is lost', async () => {
    await app.post('/tools', aTool({ name: 'callee' }));
    await app.post('/tools/callee/start');
    for (let n = 0; n < 50; n++) {
      await app.post('/tools', aTool({ name: `updated-${n}` }));
      await app.post('/tools', aTool({ name: `deleted-${n}` }));
    }
    const work = Array.from({ length: 50 }, (_, n) => [
      app.post('/tools', aTool({ name: `created-${n}` })),
      app.patch(`/tools/updated-${n}`, { description: `described ${n}` }),
      app.delete(`/tools/deleted-${n}`),
      app.post('/tools/callee/call', { name: 'echo', arguments: { text: `call ${n}` } }),
    ]).flat();
    const statuses = (await Promise.all(work)).map(({ status }) => status);
    expect(statuses).toEqual(Array.from({ length: 50 }, () => [201, 200, 204, 200]).flat());

    const { body } = await app.get('/tools?limit=500');
    const names = new Set(body.items.map((tool: { name: string }) => tool.name));
    for (let n = 0; n < 50; n++) {
      expect([names.has(`created-${n}`), names.has(`deleted-${n}`)]).toEqual([true, false]);
      expect(body.items.find((tool: { name: string }) => tool.name === `updated-${n}`)).toMatchObject({
        description: `described ${n}`,
        version: 2,
      });
    }
    const calls = await app.get('/logs/mcp?tool=callee&target=echo&kind=response&limit=500');
    const texts = calls.body.items.map((row: any) => row.payload.result.content[0].text);
    expect(new Set(texts).size).toBe(50);
  });

  it('the operation log of all that has no gap and no fork', async () => {
    const { body } = await app.get('/logs/operations?order=asc&limit=500');
    for (let n = 1; n < body.items.length; n++) expect(body.items[n].prevHash).toBe(body.items[n - 1].hash);
    const count = (action: string) => body.items.filter((row: { action: string }) => row.action === action).length;
    expect([count('tool.create'), count('tool.update'), count('tool.delete'), count('tool.call')]).toEqual([
      151, 50, 50, 50,
    ]);
  });

  it('concurrent edits of one tool that name the version win one at a time', async () => {
    await app.post('/tools', aTool({ name: 'contended' }));
    const edits = Array.from({ length: 20 }, (_, n) =>
      app.patch('/tools/contended', { description: `edit ${n}` }, { headers: { 'if-match': '"1"' } }),
    );
    const statuses = (await Promise.all(edits)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    expect((await app.get('/tools/contended')).body.version).toBe(2);
  });
});

describe('a restart of MCPS.ONE', () => {
  it('starts what was wished to run, leaves stopped what was stopped, and keeps the records', async () => {
    const first = await startTestApp();
    for (const name of ['wished', 'unwished', 'off']) {
      await first.post('/tools', aTool({ name, env: { K: 'kept-secret' } }));
      await first.post(`/tools/${name}/start`);
    }
    await first.post('/tools/unwished/stop');
    await first.patch('/tools/off', { enabled: false });
    await first.post('/tools', aTool({ name: 'automatic', autoStart: true }));
    const { pid } = (await first.get('/tools/wished/status')).body;
    await first.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');

    const second = await startTestApp({ reuse: first });
    try {
      for (const name of ['wished', 'automatic']) {
        await second.post(`/tools/${name}/start`); // answers when it is ready, whoever began it
        expect((await second.get(`/tools/${name}`)).body.status).toMatchObject({
          state: 'running',
          desired: 'running',
        });
      }
      expect((await second.get('/tools/unwished/status')).body).toMatchObject({ state: 'stopped', desired: 'stopped' });
      expect((await second.get('/tools/off/status')).body.state).toBe('stopped');
      expect((await second.post('/tools/wished/reveal')).body.env).toEqual({ K: 'kept-secret' });
      const records = await second.get('/logs/mcp?tool=unwished&limit=500');
      expect(records.body.items.length).toBeGreaterThan(0);
    } finally {
      await second.stop();
    }
  });
});
