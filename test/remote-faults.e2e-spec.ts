import { type FaultyRemote, startFaultyRemote } from './support/faulty-remote';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

describe('a remote tool whose server is faulty', () => {
  let app: TestApp;
  let faulty: FaultyRemote;
  const servers: FaultyRemote[] = [];
  const start = async (fault: string, ...flags: string[]): Promise<FaultyRemote> => {
    const server = await startFaultyRemote(fault, ...flags);
    servers.push(server);
    return server;
  };
  beforeAll(async () => {
    app = await startTestApp();
    faulty = await start('none');
  });
  afterAll(async () => {
    await app.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  const statusOf = async (name: string) => (await app.get(`/tools/${name}/status`)).body;

  it.each([
    ['F41', '429', 'remote_rate_limited'],
    ['F41', '502', 'remote_gateway_error'],
    ['F41', 'redirect-loop', 'remote_redirect'],
    ['F41', 'html', 'remote_not_mcp'],
    ['F41', 'truncated-sse', 'remote_connection_lost'],
    ['F41', 'tls-expired', 'remote_tls_expired'],
    ['F41', 'tls-self-signed', 'remote_tls_untrusted'],
    ['F42', 'half-open', 'remote_timeout'],
    ['F42', 'hang-after-headers', 'remote_stalled'],
    ['F42', 'trickle', 'remote_stalled'],
  ])('%s: (%s) is told as %s with a hint, and tried again later', async (_id, fault, reason) => {
    const name = `faulty-${fault}`;
    const url = /^(?:tls|half)/.test(fault) ? (await start(fault)).url : faulty.urlOf(fault);
    // What ends only with its time is to do so soon.
    const startTimeoutMs = /timeout|stalled/.test(reason) ? 1_500 : 60_000;
    await app.post('/tools', { name, url, startTimeoutMs });
    const { status, body } = await app.post(`/tools/${name}/start`);
    expect({ status, reason: body.reason, state: body.state }).toEqual({ status: 502, reason, state: 'backoff' });
    expect(body.hint).toMatch(/\w{3,}/);
    expect(await statusOf(name)).toMatchObject({ lastError: { code: reason } });
    await app.delete(`/tools/${name}`);
  });

  it.each(['401', '403'])('F41: (%s) is not tried again: credentials do not become right by that', async (fault) => {
    const name = `refuses-${fault}`;
    await app.post('/tools', { name, url: faulty.urlOf(fault) });
    await app.post(`/tools/${name}/start`);
    expect((await statusOf(name)).state).toBe('failed');
    expect((await faulty.counts(fault))['initialize'] ?? 0).toBe(0);
  });

  it.each([
    ['503', 502, 'tool_connection_lost'],
    ['reset', 502, 'tool_connection_lost'],
    ['truncated-json', 502, 'tool_connection_lost'],
    ['trickle', 504, 'tool_timeout'],
  ])('F41, F42: (%s at a call) answers %i %s, and the call is made only once', async (fault, status, code) => {
    const name = `pays-${fault}`;
    const timeoutMs = code === 'tool_timeout' ? 1_000 : 60_000;
    const definition = { name, url: faulty.urlOf(fault, 'tools/call'), timeoutMs, startTimeoutMs: 60_000 };
    await app.post('/tools', definition);
    expect((await app.post(`/tools/${name}/start`)).body.state).toBe('running');
    const before = (await faulty.counts(fault))['tools/call'] ?? 0;
    const called = await app.post(`/tools/${name}/call`, { name: 'pay', arguments: {} });
    expect({ status: called.status, code: called.body.code }).toEqual({ status, code });
    expect((await faulty.counts(fault))['tools/call']).toBe(before + 1);
    await app.delete(`/tools/${name}`);
  });

  it('F41: that has forgotten the session is initialized anew, and the call is not repeated', async () => {
    const server = await start('404', '--on', 'tools/call', '--times', '1');
    await app.post('/tools', { name: 'forgetful', url: server.url });
    await app.post('/tools/forgetful/start');
    const lost = await app.post('/tools/forgetful/call', { name: 'pay', arguments: {} });
    expect({ status: lost.status, code: lost.body.code }).toEqual({ status: 502, code: 'tool_connection_lost' });
    const again = await waitUntil(
      async () => {
        const called = await app.post('/tools/forgetful/call', { name: 'pay', arguments: {} });
        return called.status === 200 ? called : undefined;
      },
      { what: 'the session is open again' },
    );
    expect(again.body.result.content[0].text).toBe('paid');
    expect(await server.counts()).toMatchObject({ initialize: 2, 'tools/call': 2 });
  });
});
