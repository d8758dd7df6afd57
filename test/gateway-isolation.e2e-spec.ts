import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { crowd } from './support/crowd';
import { aSession, raw, type Reach } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

describe('many clients of one server', () => {
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    for (const era of ['legacy', 'modern', 'dual'])
      await app.post('/tools', aTool({ name: era, flags: ['--era', era], timeoutMs: 20_000 }));
  });
  afterAll(() => app.stop());

  const reach = (tool: string): Reach => ({ origin: app.origin, key, tool });

  it.each(['legacy', 'modern', 'dual'])('A13: get their own answers each, of a server of era %s', async (era) => {
    const result = await crowd(reach(era), { clients: 40, calls: 800 });
    expect(result).toEqual({ answered: 800, crossed: [], failed: [] });
    // One server for all of them.
    const { body } = await app.get(`/tools/${era}/status`);
    expect([body.processes ?? 1, body.restarts]).toEqual([1, 0]);
  });

  it('lose the calls in flight, and those alone, when their server dies', async () => {
    const { pid } = (await app.get('/tools/dual/status')).body;
    await aSession(reach('dual'));
    const calls = 400;
    const clients = 20;
    let hasDied = false;
    const result = await crowd(reach('dual'), {
      clients,
      calls,
      onAnswer: (answered) => {
        if (answered < 150 || hasDied) return;
        hasDied = true;
        process.kill(pid, 'SIGKILL');
      },
    });
    expect(result.crossed).toEqual([]);
    // At most one call a client was at the server at that moment; what came later waited for the next one.
    expect(result.failed.length).toBeGreaterThan(0);
    expect(result.failed.length).toBeLessThanOrEqual(clients);
    for (const failure of result.failed) expect(failure).toContain('tool_connection_lost');
    expect(result.answered + result.failed.length).toBe(calls);
  });

  it('F3: are told of the end of their server at once', async () => {
    await app.post('/tools/dual/start');
    const session = await aSession(reach('dual'));
    const { pid } = (await app.get('/tools/dual/status')).body;
    const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'sleep', arguments: { ms: 60_000 } } };
    const asked = raw(reach('dual'), call, session);
    const query = `sessionId=${session['mcp-session-id']}&method=tools/call&kind=request`;
    const isSent = async () => (await app.get(`/logs/mcp?${query}`)).body.items.length === 1;
    await waitUntil(isSent, { what: 'the call is under way' });
    process.kill(pid, 'SIGKILL');
    const { status, body } = await asked;
    expect([status, body.error.code, body.error.data.code]).toEqual([200, 502, 'tool_connection_lost']);
  });
});
