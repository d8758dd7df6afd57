import { ResourceSampler, SamplingTimes } from '../src/supervisor/resource-sampler';
import { aTool } from './support/a-tool';
import { groupMembers, waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';
import { aFaultyTool } from './support/tool-under-test';

interface Point {
  at: string;
  cpuPercent: number | null;
  memoryBytes: number | null;
  calls: number | null;
  errors: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
}

const MIB = 1_048_576;
const NOTHING = { cpuPercent: null, memoryBytes: null, calls: null, errors: null, p50Ms: null, p95Ms: null };

const metricsOf = async (app: TestApp, tool: string, query = ''): Promise<{ stepSeconds: number; points: Point[] }> => {
  const { status, body } = await app.get(`/tools/${tool}/metrics${query}`);
  expect({ status, problem: body.detail }).toEqual({ status: 200, problem: undefined });
  return body;
};
/** The steps in which something was measured. */
const filled = ({ points }: { points: Point[] }) => points.filter(({ calls }) => calls !== null);
const sum = (points: Point[], of: 'calls' | 'errors') => points.reduce((all, point) => all + (point[of] ?? 0), 0);

describe('the metrics of a tool', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    await app.post('/tools', aTool({ name: 'measured' }));
    await app.post('/tools', aTool({ name: 'idle' }));
  });
  afterAll(() => app.stop());

  const call = (name: string, given: object = {}, timeoutMs?: number) =>
    app.post('/tools/measured/call', { name, arguments: given, ...(timeoutMs ? { timeoutMs } : {}) });
  const measuresCpu = (tool: string) =>
    waitUntil(
      async () => {
        await app.nest.get(ResourceSampler).sample();
        return (await app.get(`/tools/${tool}/status`)).body.cpuPercent !== null;
      },
      { what: 'two samples a second apart have told how much CPU it takes' },
    );

  it('show its calls, errors, response times, CPU and memory', async () => {
    expect((await app.post('/tools/measured/start')).body.memoryBytes).toBeGreaterThan(10 * MIB);
    for (let n = 0; n < 8; n++) expect((await call('echo', { text: 'x' })).status).toBe(200);
    expect((await call('fail')).body.result.isError).toBe(true);
    expect((await app.post('/tools/measured/request', { method: 'no/such' })).status).toBe(502);
    expect((await call('sleep', { ms: 500 }, 50)).status).toBe(504);
    expect((await call('sleep', { ms: 300 })).status).toBe(200);
    await measuresCpu('measured');

    const series = await metricsOf(app, 'measured');
    expect(series.stepSeconds).toBe(10);
    expect(series.points.length).toBeGreaterThanOrEqual(360);
    const points = filled(series);
    expect([sum(points, 'calls'), sum(points, 'errors')]).toEqual([12, 3]);
    const { cpuPercent, memoryBytes } = points.at(-1) as Point;
    expect(cpuPercent).toBeGreaterThanOrEqual(0);
    expect(memoryBytes).toBeGreaterThan(10 * MIB);

    const day = filled(await metricsOf(app, 'measured', '?stepSeconds=86400'));
    expect(sum(day, 'calls')).toBe(12);
    const { p50Ms, p95Ms } = day.find(({ calls }) => (calls ?? 0) > 6) as Point;
    expect(p95Ms).toBeGreaterThan(280);
    expect(p50Ms).toBeLessThan(280);
  });

  it('have no values while it does not run, and counts of zero while nobody calls it', async () => {
    const never = await metricsOf(app, 'idle');
    expect(never.points.every((point) => point.calls === null)).toBe(true);
    expect(never.points[0]).toEqual({ at: expect.any(String), ...NOTHING });
    await app.post('/tools/idle/start');
    await measuresCpu('idle');
    expect(filled(await metricsOf(app, 'idle')).at(-1)).toMatchObject({
      calls: 0,
      errors: 0,
      p50Ms: null,
      p95Ms: null,
      memoryBytes: expect.any(Number),
    });
    expect((await app.get('/tools/idle/status')).body).toMatchObject({
      cpuPercent: expect.any(Number),
      memoryBytes: expect.any(Number),
      processes: 1,
    });
  });

  it.each([
    ['from=yesterday', 'from'],
    ['to=soon', 'to'],
    ['from=2026-11-23T12:00:00Z&to=2026-11-23T12:00:00Z', 'from'],
    ['from=2999-01-01', 'from'],
    ['stepSeconds=0', 'stepSeconds'],
    ['stepSeconds=15', 'stepSeconds'],
    ['stepSeconds=-10', 'stepSeconds'],
    ['stepSeconds=10.5', 'stepSeconds'],
    ['stepSeconds=', 'stepSeconds'],
    ['stepSeconds=1e9', 'stepSeconds'],
    ['from=1999-01-01&stepSeconds=3600', 'stepSeconds'],
    ['step=10', 'step'],
  ])('answer 400 to %s and name it', async (query, field) => {
    const { status, body } = await app.get(`/tools/measured/metrics?${query}`);
    expect([status, body.code, body.errors[0].path]).toEqual([400, 'validation_failed', field]);
  });

  it('are found for times long before anything was kept: all gaps', async () => {
    const old = await metricsOf(app, 'measured', '?from=2000-01-01&to=2000-01-02');
    expect([old.stepSeconds, old.points.length, filled(old)]).toEqual([3600, 24, []]);
  });

  it('answer 404 for an unknown tool', async () => {
    expect((await app.get('/tools/nobody/metrics')).body.code).toBe('tool_not_found');
  });

  it('survive a restart of MCPS.ONE, also in the middle of a minute', async () => {
    await app.close();
    const next = await startTestApp({ reuse: app });
    try {
      await waitUntil(async () => (await next.get('/tools/measured/status')).body.state === 'running', {
        what: 'the tool runs again',
      });
      await next.post('/tools/measured/call', { name: 'echo', arguments: { text: 'x' } });
      const series = await metricsOf(next, 'measured');
      expect(series.stepSeconds).toBe(60);
      expect([sum(filled(series), 'calls'), sum(filled(series), 'errors')]).toEqual([13, 3]);
      await next.delete('/tools/idle');
      await next.nest.get(ResourceSampler).sample();
      expect((await next.get('/tools/idle/metrics')).status).toBe(404);
    } finally {
      await next.close();
    }
  });
});

describe('a tool that leaks memory (F22)', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    Object.assign(app.nest.get(SamplingTimes), { intervalMs: 200 });
  });
  afterAll(() => app.stop());

  it('is started again soon after it has passed its limit, and nothing of it is left', async () => {
    const limit = 150 * MIB;
    const flags = ['--after-init', 'leak:50'];
    await app.post(
      '/tools',
      aFaultyTool({ name: 'leaky', flags, memoryLimitBytes: limit, restartPolicy: 'on-failure' }),
    );
    const { pid } = (await app.post('/tools/leaky/start')).body;
    const status = await waitUntil(
      async () => {
        const { body } = await app.get('/tools/leaky/status');
        return body.restarts > 0 && body.state === 'running' && body;
      },
      { what: 'it was restarted' },
    );
    expect(status.pid).not.toBe(pid);
    expect(status.restarts).toBe(1);
    expect(groupMembers(pid)).toEqual([]);
    expect(groupMembers(status.pid)).toEqual([status.pid]);
    const warning = app.log.find(({ message }) => message === 'A tool is over its memory limit');
    expect(warning).toMatchObject({
      level: 'warn',
      data: { tool: 'leaky', generation: 1, memoryLimitBytes: limit },
    });
    // Three samples at 50 MiB a second are 30 MiB; the rest is for a busy machine. The leak ends at 512 MiB.
    expect(warning?.data?.['memoryBytes']).toBeGreaterThan(limit);
    expect(app.nest.get(ResourceSampler).counters.overMemoryLimit).toBeGreaterThanOrEqual(1);
    await app.post('/tools/leaky/stop');
  });
});
