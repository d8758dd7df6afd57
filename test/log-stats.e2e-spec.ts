import { aTool } from './support/a-tool';
import { aKey } from './support/accounts';
import { startTestApp, type TestApp } from './support/test-app';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
  await app.post('/tools', aTool({ name: 'counted' }));
  await app.post('/tools/counted/start');
  for (let n = 0; n < 5; n++) await app.post('/tools/counted/call', { name: 'echo', arguments: { text: 'x' } });
  await app.post('/tools/counted/call', { name: 'fail' });
  await app.post('/tools/counted/call', { name: 'sleep', arguments: { ms: 500 }, timeoutMs: 50 });
  await app.post('/tools/counted/request', { method: 'no/such' });
});

afterAll(() => app.stop());

const stats = async (query = '') => {
  const { status, body } = await app.get(`/logs/stats${query}`);
  expect({ status, problem: body.detail }).toEqual({ status: 200, problem: undefined });
  return body;
};
const ofMethod = (body: any, target: string | null, method = 'tools/call') =>
  body.mcp.byMethod.find((each: any) => each.target === target && each.method === method);

describe('the statistics of the logs', () => {
  it.each([
    '',
    `?from=${new Date(Date.now() - 120_000).toISOString()}`,
    `?from=${new Date(Date.now() - 5 * 86_400_000).toISOString()}`,
  ])('count what has happened, by whatever way: %s', async (query) => {
    const body = await stats(query);
    expect(Object.keys(body)).toEqual([
      ...['from', 'to', 'bucketSeconds', 'system', 'operations', 'mcp', 'buckets', 'storage', 'recorder'],
    ]);
    expect(ofMethod(body, 'echo')).toEqual({
      ...{ tool: 'counted', method: 'tools/call', target: 'echo', count: 5, errors: 0, errorRate: 0 },
      ...{ p50Ms: expect.any(Number), p95Ms: expect.any(Number), p99Ms: expect.any(Number), byOutcome: { ok: 5 } },
    });
    expect(ofMethod(body, 'fail')).toMatchObject({ count: 1, errors: 1, errorRate: 1, byOutcome: { tool_error: 1 } });
    expect(ofMethod(body, 'sleep')).toMatchObject({ count: 1, byOutcome: { timeout: 1 } });
    expect(ofMethod(body, 'sleep').p50Ms).toBeGreaterThan(40);
    expect(ofMethod(body, null, 'no/such')).toMatchObject({ count: 1, errors: 1, byOutcome: { rpc_error: 1 } });
    expect(ofMethod(body, null, 'notifications/initialized')).toMatchObject({
      count: 1,
      errors: 0,
      p50Ms: null,
      byOutcome: {},
    });
    expect(body.operations.byAction).toContainEqual({ action: 'tool.start', success: 1, failure: 0, refused: 0 });
    expect(body.operations.byAction).toContainEqual({ action: 'tool.call', success: 6, failure: 1, refused: 0 });
    const add = (list: any[], name: string) => list.reduce<number>((total, each) => total + Number(each[name]), 0);
    const sum = (name: string) => add(body.buckets, name);
    expect([sum('mcp'), sum('system'), sum('operations'), sum('errors')]).toEqual([
      ...[body.mcp.total, body.system.total, body.operations.total],
      add(body.mcp.byMethod, 'errors'),
    ]);
    expect(body.system.byLevel.info).toBeGreaterThan(0);
  });

  it('agree with the lists, and with what is stored', async () => {
    const from = new Date(Date.now() - 600_000).toISOString();
    const body = await stats(`?from=${from}`);
    const [mcp, operations] = await Promise.all(
      ['mcp', 'operations'].map(
        async (log) => (await app.get(`/logs/${log}?limit=500&from=${from}`)).body.items.length,
      ),
    );
    expect([body.mcp.total, body.operations.total]).toEqual([mcp, operations]);
    expect(body.storage.mcp.rows).toBe(mcp);
    expect(body.storage.operations.rows).toBe(operations);
    for (const log of ['mcp', 'operations', 'system']) expect(body.storage[log].bytes).toBeGreaterThan(100);
    expect(body.recorder).toEqual({ queued: 0, written: mcp, dropped: 0, spoolBytes: 0 });
  });

  it('have a bucket for each step, also where nothing happened', async () => {
    const to = Date.now();
    const body = await stats(
      `?from=${new Date(to - 3_600_000).toISOString()}&to=${new Date(to).toISOString()}&bucketSeconds=600`,
    );
    expect(body.bucketSeconds).toBe(600);
    expect(body.buckets.length).toBeGreaterThanOrEqual(6);
    expect(body.buckets.length).toBeLessThanOrEqual(8);
    expect(body.buckets[0]).toMatchObject({ mcp: 0, system: 0, operations: 0, errors: 0 });
    for (const { at } of body.buckets) expect(Date.parse(at) % 600_000).toBe(0);
  });

  it.each([
    ['?bucketSeconds=0', 'bucketSeconds'],
    ['?bucketSeconds=a', 'bucketSeconds'],
    ['?from=2020-01-01T00:00:00Z&bucketSeconds=60', 'bucketSeconds'],
    ['?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z', 'from'],
    ['?from=yesterday', 'from'],
    ['?tool=x', 'tool'],
  ])('refuse what they can not answer: %s', async (query, path) => {
    const { status, body } = await app.get(`/logs/stats${query}`);
    expect([status, body.code]).toEqual([400, 'validation_failed']);
    expect(JSON.stringify(body.errors)).toContain(path);
  });

  it('are for those who may see everything', async () => {
    const { key } = await aKey(app, { role: 'viewer', tools: ['counted'] });
    expect((await app.get('/logs/stats', { token: key })).body.code).toBe('scope_missing');
  });
});
