import { connect, type Socket } from 'node:net';
import { GatewaySessions } from '../src/gateway/gateway-sessions';
import { Settings } from '../src/settings/settings';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { HeldTool } from './support/held-tool';
import { aSession, initializeRequest, modernRequest, raw, type Reach } from './support/mcp-clients';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
const CALL = (name: string, args: object) => ({
  jsonrpc: '2.0',
  id: 2,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** A connection on which a test writes by hand. */
class Wire {
  received = '';
  readonly closed: Promise<void>;
  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static to(app: TestApp): Promise<Wire> {
    const { port } = new URL(app.origin);
    return new Promise((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => resolve(new Wire(socket)));
    });
  }
}

const head = (app: TestApp, key: string, tool: string, more: string[] = []): string =>
  [
    `POST /mcp/${tool} HTTP/1.1`,
    `Host: ${new URL(app.origin).host}`,
    `Authorization: Bearer ${key}`,
    'Content-Type: application/json',
    ...more,
    '',
    '',
  ].join('\r\n');

describe('faults at the gateway', () => {
  const held = new HeldTool();
  let app: TestApp;
  let key: string;
  beforeAll(async () => {
    app = await startTestApp();
    ({ key } = await aKey(app, { role: 'operator' }));
    await app.post('/tools', aTool({ name: 'fixture', timeoutMs: 20_000 }));
  });
  afterAll(() => app.stop());
  const reach = (tool = 'fixture'): Reach => ({ origin: app.origin, key, tool });

  it('F36: has limits for slow headers and slow bodies, and answers others meanwhile', async () => {
    const { headersTimeout, requestTimeout } = app.nest.getHttpServer();
    expect([headersTimeout, requestTimeout]).toEqual([60_000, 60_000]);
    const [headers, body] = [await Wire.to(app), await Wire.to(app)];
    headers.socket.write('POST /mcp/fixture HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    body.socket.write(`${head(app, key, 'fixture', ['Content-Length: 1000'])}{"jsonrpc"`);
    expect((await raw(reach(), initializeRequest())).status).toBe(200);
    expect([headers.received, body.received]).toEqual(['', '']);
    headers.socket.destroy();
    body.socket.destroy();
  });

  it('F38: cuts off a client that opens a stream and does not read it, and nobody else', async () => {
    const { body, headers } = modernRequest(1, 'tools/call', { name: 'blob', arguments: { bytes: 4_000_000 } });
    const session = await aSession(reach());
    const wire = await Wire.to(app);
    const lines = Object.entries(session).map(([name, value]) => `${name}: ${value}`);
    wire.socket.write(
      head(app, key, 'fixture', [...lines, 'Accept: text/event-stream'])
        .replace('POST', 'GET')
        .replace(/Content-Type.*\r\n/, ''),
    );
    while (!wire.received.includes('text/event-stream')) await new Promise((resolve) => setImmediate(resolve));
    wire.socket.pause();
    const stalled = app.nest.get(GatewaySessions).get(session['mcp-session-id']!)!;
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/x', params: { text: 'x'.repeat(100_000) } });
    for (let sent = 0; stalled.standalone.isConnected; sent += 1) {
      expect(sent).toBeLessThan(1000);
      stalled.push(text);
      await new Promise((resolve) => setImmediate(resolve));
    }
    wire.socket.resume();
    await wire.closed;
    // What is kept for it to come back to is bounded too.
    expect(stalled.standalone.keptCharacters).toBeLessThanOrEqual(1024 * 1024 + text.length);
    expect((await raw(reach(), body, headers)).status).toBe(200);
    expect((await raw(reach(), PING, session)).status).toBe(200);
  });

  it('F40: refuses bodies that are too large, compressed or no JSON, and headers without end', async () => {
    const session = await aSession(reach());
    const announced = await Wire.to(app);
    announced.socket.write(head(app, key, 'fixture', ['Content-Length: 100000000']));
    await announced.closed;
    expect(announced.received).toMatch(/^HTTP\/1.1 413 /);
    const chunked = await Wire.to(app);
    chunked.socket.write(head(app, key, 'fixture', ['Transfer-Encoding: chunked']));
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    for (let sent = 0; sent < 17; sent += 1) chunked.socket.write(chunk);
    await chunked.closed;
    expect(chunked.received).toMatch(/^HTTP\/1.1 413 /);
    expect((await raw(reach(), PING, { ...session, 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await raw(reach(), PING, { ...session, 'content-type': 'text/plain' })).status).toBe(415);
    const many = await Wire.to(app);
    many.socket.write(
      head(
        app,
        key,
        'fixture',
        Array.from({ length: 20_000 }, (_, index) => `X-${index}: y`),
      ),
    );
    await many.closed;
    expect(many.received).toMatch(/^HTTP\/1.1 431 /);
  });

  it('passes a large message whole, both ways', async () => {
    const session = await aSession(reach());
    const text = 'ä€😀'.repeat(300_000);
    const { body } = await raw(reach(), CALL('echo', { text }), session);
    expect(body.result.content[0].text).toBe(`Echo: ${text}`);
  });

  it('F39: keeps a thousand sessions', async () => {
    const sessions = [];
    for (let batch = 0; batch < 20; batch += 1)
      sessions.push(...(await Promise.all(Array.from({ length: 50 }, () => aSession(reach())))));
    const answers = await Promise.all(
      sessions.slice(0, 200).map((session) => raw(reach(), CALL('add', { a: 1, b: 2 }), session)),
    );
    expect(answers.every(({ body }) => body.result.content[0].text === '3')).toBe(true);
    const { body } = await app.get('/gateway/sessions?limit=500');
    expect(body.total).toBeGreaterThanOrEqual(1000);
    expect(body.items[0]).toMatchObject({
      tool: 'fixture',
      client: { name: 'test-client' },
      transport: 'http',
      inFlight: 0,
    });
    const next = await app.get(`/gateway/sessions?limit=500&cursor=${body.nextCursor}`);
    expect(next.body.items).toHaveLength(500);
  });

  it('ends a session when an administrator says so', async () => {
    const session = await aSession(reach());
    expect((await app.delete(`/gateway/sessions/${session['mcp-session-id']}`)).status).toBe(204);
    expect((await raw(reach(), PING, session)).status).toBe(404);
    expect((await app.delete(`/gateway/sessions/${session['mcp-session-id']}`)).status).toBe(404);
  });

  describe('of tools that do not run', () => {
    it('starts an on-demand tool at its first use, and waits for one that is starting', async () => {
      await app.post('/tools', aTool({ name: 'late', flags: ['--slow-init', '300'] }));
      const [first, second] = await Promise.all([
        raw(reach('late'), initializeRequest()),
        raw(reach('late'), initializeRequest()),
      ]);
      expect([first.status, second.status]).toEqual([200, 200]);
      const { body } = await app.get('/tools/late');
      expect([body.status.state, body.status.desired]).toEqual(['running', 'on-demand']);
    });

    it('waits no longer than a call may take', async () => {
      await app.post('/tools', aTool({ name: 'too-late', flags: ['--hang'], timeoutMs: 300, startTimeoutMs: 5000 }));
      const { body } = await raw(reach('too-late'), initializeRequest());
      expect([body.error.code, body.error.data.code]).toEqual([504, 'tool_timeout']);
    });

    it('starts none that somebody has stopped or disabled, and says which it is', async () => {
      await app.post('/tools', aTool({ name: 'stopped' }));
      await app.post('/tools/stopped/stop');
      const stopped = await raw(reach('stopped'), initializeRequest());
      expect([stopped.status, stopped.body.error.data.code]).toEqual([409, 'tool_stopped']);
      await app.patch('/tools/stopped', { enabled: false });
      expect((await raw(reach('stopped'), initializeRequest())).body.error.data.code).toBe('tool_disabled');
    });

    it('ends the sessions of a tool that is deleted', async () => {
      await app.post('/tools', aTool({ name: 'short-lived' }));
      const session = await aSession(reach('short-lived'));
      await app.delete('/tools/short-lived');
      expect((await raw(reach('short-lived'), PING, session)).status).toBe(404);
      expect(app.nest.get(GatewaySessions).get(session['mcp-session-id']!)).toBeUndefined();
    });

    it('tells the reason of a start that fails', async () => {
      await app.post('/tools', { name: 'broken', command: 'no-such-command-anywhere' });
      const { body } = await raw(reach('broken'), initializeRequest());
      expect(body.error).toMatchObject({ code: 502, data: { code: 'tool_start_failed', reason: 'command_not_found' } });
    });
  });

  it('answers what is in flight when it is stopped, and refuses what comes then', async () => {
    const other = await startTestApp();
    const { key: own } = await aKey(other, { role: 'operator' });
    await other.post('/tools', held.definition);
    const way = { origin: other.origin, key: own, tool: 'held' };
    const session = await aSession(way);
    const asked = raw(way, CALL('echo', { text: 'in flight' }), session);
    const sent = async () => (await other.get('/logs/mcp?tool=held&method=tools/call&kind=request')).body.items.length;
    await waitUntil(async () => (await sent()) === 1, { what: 'the call is under way' });
    const stopped = other.stop();
    await new Promise((resolve) => setImmediate(resolve));
    const refused = await raw(way, PING, session).catch(() => null);
    expect([503, undefined]).toContain(refused?.status);
    held.letGo();
    const { status, body } = await asked;
    expect([status, body.result.content[0].text]).toEqual([200, 'Echo: in flight']);
    await stopped;
  });
});

describe('limits of the gateway', () => {
  let app: TestApp;
  let reach: Reach;
  const held = new HeldTool();
  beforeAll(async () => {
    app = await startTestApp({
      env: {
        GATEWAY_SESSIONS_PER_KEY: '2',
        GATEWAY_SESSIONS_TOTAL: '3',
        GATEWAY_REQUESTS_PER_SESSION: '2',
        GATEWAY_REQUESTS_PER_TOOL: '3',
        GATEWAY_MAX_BODY_BYTES: '65536',
      },
    });
    reach = { origin: app.origin, tool: 'held', key: (await aKey(app, { role: 'operator' })).key };
    await app.post('/tools', held.definition);
  });
  afterAll(() => app.stop());

  it('hold for sessions of one key, for all sessions, for requests of a session and of a tool, and for bodies', async () => {
    const [first, second] = [await aSession(reach), await aSession(reach)];
    const third = await raw(reach, initializeRequest());
    expect([third.status, third.body.error.data.code]).toEqual([429, 'too_many_sessions']);
    expect(third.headers.get('retry-after')).toBe('60');
    const other = { ...reach, key: (await aKey(app, { role: 'operator' })).key };
    const foreign = await aSession(other);
    const stranger = { ...reach, key: (await aKey(app, { role: 'operator' })).key };
    expect((await raw(stranger, initializeRequest())).body.error.data.code).toBe('too_many_sessions');

    let answered = 0;
    const hold = async (session: Record<string, string>, id: number, by = reach) => {
      const answer = await raw(by, { ...CALL('echo', { text: 'held' }), id }, session);
      answered += 1;
      return answer;
    };
    const all = [...[hold(first, 1), hold(first, 2), hold(first, 3)], ...[hold(second, 1), hold(foreign, 1, other)]];
    await waitUntil(() => answered === 2, { what: 'two are refused' });
    held.letGo();
    const answers = await Promise.all(all);
    const codes = answers.flatMap(({ status, body }) => (body.error ? [`${status} ${body.error.message}`] : [])).sort();
    expect(codes).toHaveLength(2);
    expect(codes[0]).toMatch(/^200 3 requests of this tool/);
    expect(codes[1]).toMatch(/^429 2 requests of this session/);
    expect((await raw(reach, CALL('echo', { text: 'x'.repeat(70_000) }), first)).status).toBe(413);
  });

  it('can be changed while it runs, for the rate as well', async () => {
    const settings = app.nest.get(Settings);
    await settings.update({ 'gateway.messagesPerMinute': 3 });
    const statuses = [];
    const key = (await aKey(app, { role: 'operator' })).key;
    const { body, headers } = modernRequest(1, 'tools/list');
    for (let n = 0; n < 4; n += 1) statuses.push((await raw({ ...reach, key }, body, headers)).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    await settings.update({ 'gateway.messagesPerMinute': null });
    expect((await raw({ ...reach, key }, body, headers)).status).toBe(200);
  });

  it('end sessions that nobody uses', async () => {
    await app.nest.get(Settings).update({ 'gateway.sessionIdleSeconds': 1 });
    const sessions = app.nest.get(GatewaySessions);
    for (const session of sessions.list()) session.lastSeenAt -= 2000;
    sessions.sweep();
    expect(sessions.count).toBe(0);
  });
});
