import { HealthParts } from '../src/availability/health-parts';
import { Readings } from '../src/metrics/readings';
import { SystemMonitor } from '../src/system/system-monitor';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const NUMBER = expect.any(Number);

describe('what MCPS.ONE tells of itself', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    await app.post('/tools', aTool({ name: 'caller' }));
    await app.post('/tools/caller/start');
    await app.post('/tools', aTool({ name: 'idle' }));
  });
  afterAll(() => app.stop());

  const call = (name: string, args: object = {}) => app.post('/tools/caller/call', { name, arguments: args });
  const scrape = async (): Promise<string> => (await app.get('//metrics')).body;

  it('is, at /system/info, what it is', async () => {
    const { status, body } = await app.get('/system/info');
    expect(status).toBe(200);
    expect(body).toEqual({
      name: 'MCPS.ONE',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      environment: 'test',
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      pid: process.pid,
      startedAt: TIME,
      database: {
        type: expect.stringMatching(/^(sqlite|postgres)$/),
        version: expect.stringMatching(/^\d+\.\d+/),
        migrations: { applied: NUMBER, pending: 0 },
      },
      protocolVersions: expect.arrayContaining(['2026-07-28', '2025-11-25']),
    });
    expect(body.database.migrations.applied).toBeGreaterThan(5);
  });

  it('is, at /system/status, how it is now', async () => {
    await call('echo', { text: 'x' });
    app.nest.get(SystemMonitor).sample();
    const { status, body } = await app.get('/system/status');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      at: TIME,
      uptimeSeconds: NUMBER,
      cpu: { processPercent: NUMBER, systemPercent: NUMBER, cores: NUMBER, loadAverage: [NUMBER, NUMBER, NUMBER] },
      memory: { rssBytes: NUMBER, heapUsedBytes: NUMBER, systemTotalBytes: NUMBER, systemFreeBytes: NUMBER },
      disk: { path: expect.not.stringContaining('/'), totalBytes: NUMBER, freeBytes: NUMBER },
      eventLoop: { p50Ms: NUMBER, p99Ms: NUMBER, utilization: NUMBER },
      tools: {
        total: 2,
        byState: { running: 1, stopped: 1, starting: 0, stopping: 0, backoff: 0, failed: 0 },
        processes: NUMBER,
        memoryBytes: NUMBER,
        cpuPercent: NUMBER,
      },
      gateway: { sessions: 0, inFlight: 0, callsPerSecond: NUMBER, errorRate: 0 },
      http: { requestsPerSecond: NUMBER },
      recorder: { queued: NUMBER, written: NUMBER, dropped: 0, spoolBytes: 0 },
      database: { type: expect.stringMatching(/^(sqlite|postgres)$/), latencyMs: NUMBER, sizeBytes: NUMBER },
      lastBackup: null,
      jobs: expect.any(Array),
    });
    expect(body.tools.memoryBytes).toBeGreaterThan(1_000_000);
    expect(body.database.sizeBytes).toBeGreaterThan(1_000);
    expect(body.gateway.callsPerSecond).toBeGreaterThan(0);
    expect(body.http.requestsPerSecond).toBeGreaterThan(0);
  });

  it('shows a tool that has gone at once, and the sessions and backups that others tell of', async () => {
    await app.post('/tools', aTool({ name: 'short-lived' }));
    expect((await app.get('/system/status')).body.tools.total).toBe(3);
    await app.delete('/tools/short-lived');
    const readings = app.nest.get(Readings);
    const { gateway, backup } = readings;
    readings.gateway = () => ({ sessions: 3, inFlight: 2 });
    readings.backup = () => ({ last: { id: 'b-1', at: 0, verified: true }, newestVerifiedAt: Date.now() - 60_000 });
    try {
      expect((await app.get('/system/status')).body).toMatchObject({
        tools: { total: 2 },
        gateway: { sessions: 3, inFlight: 2 },
        lastBackup: { id: 'b-1', at: '1970-01-01T00:00:00.000Z', verified: true },
      });
      const text = await scrape();
      expect(text).toMatch(/^mcps_gateway_sessions 3$/m);
      expect(text).toMatch(/^mcps_backup_newest_verified_age_seconds 6\d\.?\d*$/m);
    } finally {
      Object.assign(readings, { gateway, backup });
    }
  });

  it('is, at /system/metrics, how it was: the members of the status in each step, null where nothing is known', async () => {
    await call('echo', { text: 'x' });
    await call('no-such-tool');
    app.nest.get(SystemMonitor).sample();
    const { status, body } = await app.get('/system/metrics?stepSeconds=10');
    expect(status).toBe(200);
    expect(body).toMatchObject({ from: TIME, to: TIME, stepSeconds: 10 });
    const [first] = body.points;
    expect(body.points).toHaveLength((Date.parse(body.to) - Date.parse(body.from)) / 10_000);
    expect(first).toMatchObject({
      at: body.from,
      cpu: { processPercent: null },
      gateway: { calls: null, p50Ms: null },
    });
    const known = body.points.filter((point: any) => point.memory.rssBytes !== null).at(-1);
    expect(known).toMatchObject({
      cpu: { systemPercent: NUMBER },
      memory: { rssBytes: NUMBER, heapUsedBytes: NUMBER, systemFreeBytes: NUMBER },
      disk: { freeBytes: NUMBER },
      eventLoop: { p50Ms: NUMBER, p99Ms: NUMBER, utilization: NUMBER },
      tools: { running: NUMBER, failed: 0 },
      gateway: { sessions: 0 },
      http: { requestsPerSecond: NUMBER },
      recorder: { written: NUMBER, dropped: 0 },
      database: { latencyMs: NUMBER, sizeBytes: NUMBER },
    });
    const calls = body.points.reduce((sum: number, { gateway }: any) => sum + Number(gateway.calls ?? 0), 0);
    expect(calls).toBeGreaterThanOrEqual(2);
    const day = await app.get(`/system/metrics?from=${new Date(Date.now() - 86_400_000).toISOString()}`);
    expect(day.body.stepSeconds).toBeGreaterThanOrEqual(60);
    expect((await app.get('/system/metrics?stepSeconds=7')).status).toBe(400);
    expect((await app.get('/system/metrics?step=7')).status).toBe(400);
  });

  it('is, at /metrics, what Prometheus wants, and only for who may read', async () => {
    await call('echo', { text: 'x' });
    await call('no-such-tool');
    await app.post('/tools/caller/request', { method: 'made/up' });
    await app.get('/tools/caller/status');
    await app.get('/no/such/route/at/all');
    const answer = await app.get('//metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text: string = answer.body;
    for (const line of [
      /^mcps_gateway_call_duration_seconds_count\{tool="caller",method="tools\/call",outcome="ok"\} [1-9]/m,
      /^mcps_gateway_call_duration_seconds_bucket\{tool="caller",method="tools\/call",outcome="ok",le="\+Inf"\} [1-9]/m,
      /^mcps_gateway_call_duration_seconds_count\{tool="caller",method="other",outcome="rpc_error"\} 1$/m,
      /^mcps_http_requests_total\{method="GET",route="\/api\/v1\/tools\/:tool\/status",status="200"\} [1-9]/m,
      /^mcps_http_requests_total\{method="GET",route="other",status="404"\} [1-9]/m,
      /^mcps_tools\{state="running"\} 1$/m,
      /^mcps_tool_running\{tool="idle"\} 0$/m,
      /^mcps_tool_restarts_total\{tool="caller"\} 0$/m,
      /^mcps_tool_memory_bytes\{tool="caller"\} [1-9]\d+$/m,
      /^mcps_recorder_queued \d+$/m,
      /^mcps_recorder_flush_seconds [\d.e-]+$/m,
      /^mcps_recorder_written_total \d+$/m,
      /^mcps_database_up 1$/m,
      /^mcps_database_latency_seconds [\d.e-]+$/m,
      /^mcps_database_size_bytes [1-9]\d+$/m,
      /^mcps_gateway_sessions 0$/m,
      /^mcps_process_resident_memory_bytes [1-9]\d+$/m,
      /^mcps_nodejs_eventloop_lag_p99_seconds [\d.e-]+$/m,
      /^# TYPE mcps_http_request_duration_seconds histogram$/m,
    ]) {
      expect(text).toMatch(line);
    }
    for (const [name] of text.matchAll(/^[a-z]\w+/gm)) expect(name).toMatch(/^mcps_/);
    expect((await app.get('//metrics', { token: null })).status).toBe(401);
    const { key } = await aKey(app, { role: 'viewer' });
    expect((await app.get('//metrics', { token: key })).status).toBe(200);
  });

  it('forgets a deleted tool in its metrics, and shows each line once', async () => {
    await app.post('/tools', aTool({ name: 'doomed' }));
    await app.post('/tools/doomed/start');
    await app.post('/tools/doomed/call', { name: 'echo', arguments: { text: 'x' } });
    expect(await scrape()).toContain('tool="doomed"');
    await app.delete('/tools/doomed');
    const text = await scrape();
    expect(text).not.toContain('doomed');
    const series = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(series.filter((one, index) => series.indexOf(one) !== index)).toEqual([]);
  });

  it('tells at /system/health what others have registered, and what is wrong with them', async () => {
    const parts = app.nest.get(HealthParts);
    parts.register({ name: 'spec-good', check: () => ({ status: 'up', age: 1 }) });
    expect((await app.get('/system/health')).body.details).toMatchObject({
      database: { status: 'up' },
      disk: { freeBytes: NUMBER },
      recorder: { status: 'up', dropped: 0 },
      'spec-good': { status: 'up', age: 1 },
    });
    parts.register({ name: 'spec-bad', check: () => Promise.reject(new Error('boom')) });
    const { status, body } = await app.get('/system/health');
    expect([status, body.error['spec-bad']]).toEqual([503, { status: 'down', message: 'boom' }]);
    expect((await app.get('//health/ready')).status).toBe(200);
  });

  it("carries a caller's trace on to the server and into the logs, and leaves alone what the caller has said itself", async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const headers = { traceparent, tracestate: 'vendor=1' };
    const sent = async (params: object): Promise<any> => {
      const answer = await app.post('/tools/caller/request', { method: 'tools/call', params }, { headers });
      expect(answer.status).toBe(200);
      const { body } = await app.get('/logs/mcp?kind=request&method=tools/call&limit=1');
      return body.items[0].payload.params;
    };
    const params = { name: 'echo', arguments: { text: 'x' } };
    expect((await sent(params))._meta).toMatchObject({ traceparent, tracestate: 'vendor=1' });
    const own = { traceparent: `00-${'a'.repeat(32)}-00f067aa0ba902b7-00` };
    expect((await sent({ ...params, _meta: own }))._meta).toMatchObject(own);
    expect((await sent({ ...params, _meta: own }))._meta.tracestate).toBeUndefined();
    await app.post('/tools/caller/restart', undefined, { headers });
    expect(app.log).toContainEqual(
      expect.objectContaining({ data: expect.objectContaining({ tool: 'caller', traceId }) }),
    );
  });

  it('measures by itself, every few seconds', async () => {
    const before = (await app.get('/system/metrics?stepSeconds=10')).body;
    await waitUntil(
      async () => {
        const { body } = await app.get('/system/metrics?stepSeconds=10');
        return body.points.filter(({ memory }: any) => memory.rssBytes !== null).length >
          before.points.filter(({ memory }: any) => memory.rssBytes !== null).length
          ? true
          : undefined;
      },
      { what: 'another step to be measured' },
    );
  });
});
