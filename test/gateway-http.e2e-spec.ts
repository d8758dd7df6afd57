import { request as httpRequest } from 'node:http';
import { aKey } from './support/accounts';
import { aTool } from './support/a-tool';
import { HeldTool } from './support/held-tool';
import { aSession, initializeRequest, modernRequest, raw, type Reach } from './support/mcp-clients';
import { startTestApp, type TestApp } from './support/test-app';

const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };
const LIST = { jsonrpc: '2.0', id: 'a "quoted" id', method: 'tools/list' };

describe('the gateway over HTTP', () => {
  const held = new HeldTool();
  let app: TestApp;
  let reach: Reach;
  beforeAll(async () => {
    app = await startTestApp({ env: { CORS_ORIGINS: 'https://page.example' } });
    const { key } = await aKey(app, { role: 'operator' });
    reach = { origin: app.origin, key, tool: 'dual' };
    await app.post('/tools', aTool({ name: 'dual', flags: ['--era', 'dual'] }));
    await app.post('/tools', aTool({ name: 'legacy', flags: ['--era', 'legacy'] }));
  });
  afterAll(() => app.stop());

  describe('with sessions (2025-*)', () => {
    it.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
      'begins a session in %s and answers in JSON',
      async (version) => {
        const begun = await raw(reach, initializeRequest({}, version));
        expect([begun.status, begun.body.id, begun.body.result.protocolVersion]).toEqual([200, 'init', version]);
        expect(begun.headers.get('content-type')).toBe('application/json');
        const id = begun.headers.get('mcp-session-id') ?? '';
        expect(id).toMatch(/^[\x21-\x7e]{32,}$/);
        const listed = await raw(reach, LIST, { 'mcp-session-id': id, 'mcp-protocol-version': version });
        expect([listed.status, listed.body.id]).toEqual([200, LIST.id]);
        expect(listed.headers.get('x-request-id')).toBeTruthy();
      },
    );

    it('answers its own revision to a client that asks for one that nobody knows', async () => {
      const { body } = await raw(reach, initializeRequest({}, '1999-01-01'));
      expect(body.result.protocolVersion).toBe('2025-11-25');
    });

    it('wants a session id (400), and none that it has not given out (404)', async () => {
      expect((await raw(reach, PING)).status).toBe(400);
      const unknown = await raw(reach, PING, { 'mcp-session-id': '0192f0c1-0000-4000-8000-000000000000' });
      expect([unknown.status, unknown.body.error.data.code]).toEqual([404, 'session_not_found']);
    });

    it('takes notifications and answers with 202 and nothing', async () => {
      const session = await aSession(reach);
      const taken = await raw(reach, { jsonrpc: '2.0', method: 'notifications/anything' }, session);
      expect([taken.status, taken.text]).toEqual([202, '']);
      const answered = await raw(reach, { jsonrpc: '2.0', id: 77, result: {} }, session);
      expect([answered.status, answered.text]).toEqual([202, '']);
    });

    it('refuses a revision in the header that nobody knows (400), and takes its absence for 2025-03-26', async () => {
      const session = await aSession(reach);
      expect((await raw(reach, PING, { ...session, 'mcp-protocol-version': 'yesterday' })).status).toBe(400);
      expect((await raw(reach, PING, { ...session, 'mcp-protocol-version': null })).status).toBe(200);
    });

    it('ends a session when its client says so; after that it is unknown', async () => {
      const session = await aSession(reach);
      expect((await raw(reach, null, session, 'DELETE')).status).toBe(204);
      expect((await raw(reach, PING, session)).status).toBe(404);
      expect((await raw(reach, null, session, 'DELETE')).status).toBe(404);
    });

    it("carries its caller's trace on to the server, in _meta", async () => {
      const session = await aSession({ ...reach, tool: 'legacy' });
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const asked = { ...PING, method: 'x/traced' };
      await raw({ ...reach, tool: 'legacy' }, asked, { ...session, traceparent, tracestate: 'vendor=1' });
      const { body } = await app.get('/logs/mcp?tool=legacy&method=x/traced&kind=request');
      expect(body.items).toHaveLength(1);
      expect(body.items[0].payload.params).toEqual({ _meta: { traceparent, tracestate: 'vendor=1' } });
    });

    it('answers an unknown method with 200 and the error in the body', async () => {
      const session = await aSession({ ...reach, tool: 'legacy' });
      const { status, body } = await raw({ ...reach, tool: 'legacy' }, { ...PING, method: 'x/unknown' }, session);
      expect([status, body.error.code]).toEqual([200, -32601]);
    });

    it('takes batches in 2025-03-26 alone, and answers each member', async () => {
      const old = await aSession(reach, {}, '2025-03-26');
      const batch = [PING, { ...LIST, id: 2 }, { jsonrpc: '2.0', method: 'notifications/x' }];
      const { status, events } = await raw(reach, batch, old);
      expect([status, events.map(({ id }) => id).sort()]).toEqual([200, [1, 2]]);
      const later = await aSession(reach, {}, '2025-06-18');
      expect((await raw(reach, batch, later)).status).toBe(400);
    });

    it.each([
      ['no JSON', '{"jsonrpc":', -32700],
      ['no object', '42', -32600],
      ['an empty batch', '[]', -32600],
      ['no message', '{"id":1}', -32600],
      ['an id that is none', '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600],
      ['nesting beyond reason', '['.repeat(5000), -32600],
    ])('refuses %s with 400', async (_what, body, code) => {
      const answer = await raw(reach, body, await aSession(reach));
      expect([answer.status, answer.body.error.code, answer.body.id]).toEqual([400, code, null]);
    });

    it('refuses a second request under an id that still waits', async () => {
      await app.post('/tools', held.definition);
      const session = await aSession({ ...reach, tool: 'held' });
      const call = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'echo', arguments: { text: 'x' } } };
      const both = [1, 2].map(() => raw({ ...reach, tool: 'held' }, call, session));
      expect((await Promise.race(both)).status).toBe(400);
      held.letGo();
      expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 400]);
    });

    it('knows no other methods of HTTP', async () => {
      const answer = await raw(reach, null, {}, 'PUT');
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE, OPTIONS']);
    });
  });

  describe('without sessions (2026-07-28)', () => {
    const ask = (method: string, params: Record<string, unknown> = {}, headers: Record<string, string | null> = {}) => {
      const made = modernRequest(1, method, params);
      return raw(reach, made.body, { ...made.headers, ...headers });
    };

    it('answers what it is asked, and mints no session', async () => {
      const { status, headers, body } = await ask('tools/call', { name: 'echo', arguments: { text: 'hi' } });
      expect([status, body.id, body.result.resultType]).toEqual([200, 1, 'complete']);
      expect(headers.get('mcp-session-id')).toBeNull();
    });

    it.each([
      ['MCP-Protocol-Version', { 'mcp-protocol-version': null }],
      ['a MCP-Protocol-Version that differs', { 'mcp-protocol-version': '2025-11-25' }],
      ['Mcp-Method', { 'mcp-method': null }],
      ['a Mcp-Method that differs', { 'mcp-method': 'tools/list' }],
      ['Mcp-Name', { 'mcp-name': null }],
      ['a Mcp-Name that differs', { 'mcp-name': 'add' }],
    ])('refuses a missing or wrong header with 400 and -32020: %s', async (_what, headers) => {
      const { status, body } = await ask('tools/call', { name: 'echo', arguments: { text: 'hi' } }, headers);
      expect([status, body.error.code, body.id]).toEqual([400, -32020, 1]);
    });

    it('reads a Mcp-Name that travels as base64', async () => {
      const encoded = `=?base64?${Buffer.from('echo').toString('base64')}?=`;
      const { status } = await ask('tools/call', { name: 'echo', arguments: { text: 'hi' } }, { 'mcp-name': encoded });
      expect(status).toBe(200);
    });

    it('refuses a request without its envelope with 400 and -32602', async () => {
      const { headers } = modernRequest(1, 'tools/list');
      const without = await raw(reach, { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }, headers);
      expect([without.status, without.body.error.code]).toEqual([400, -32602]);
      const made = modernRequest(1, 'tools/list');
      delete made.body.params._meta['io.modelcontextprotocol/clientCapabilities'];
      const incomplete = await raw(reach, made.body, made.headers);
      expect([incomplete.status, incomplete.body.error.code]).toEqual([400, -32602]);
    });

    it('names what it supports, as server/discover does, when it is asked in another revision', async () => {
      const made = modernRequest(1, 'tools/list', {}, { 'io.modelcontextprotocol/protocolVersion': '2030-01-01' });
      const refused = await raw(reach, made.body, { ...made.headers, 'mcp-protocol-version': '2030-01-01' });
      expect([refused.status, refused.body.error.code]).toEqual([400, -32022]);
      const { body } = await ask('server/discover');
      expect(refused.body.error.data).toEqual({ supported: body.result.supportedVersions, requested: '2030-01-01' });
    });

    it.each(['x/unknown', 'ping', 'initialize', 'logging/setLevel', 'resources/subscribe'])(
      'answers %s with 404 and -32601',
      async (method) => {
        for (const tool of ['dual', 'legacy']) {
          const made = modernRequest(1, method);
          const { status, body } = await raw({ ...reach, tool }, made.body, made.headers);
          expect([tool, status, body.error.code]).toEqual([tool, 404, -32601]);
        }
      },
    );

    it('takes notifications with 202, and knows neither GET nor DELETE', async () => {
      const { headers } = modernRequest(1, 'notifications/x');
      const taken = await raw(reach, { jsonrpc: '2.0', method: 'notifications/x', params: {} }, headers);
      expect(taken.status).toBe(202);
      for (const method of ['GET', 'DELETE']) expect((await raw(reach, null, headers, method)).status).toBe(405);
    });
  });

  describe('at the door', () => {
    it('asks those without a credential for one, and says where to learn how', async () => {
      for (const authorization of [null, 'Bearer garbage', `Bearer mcps_${'x'.repeat(49)}`]) {
        const { status, headers } = await raw(reach, PING, { authorization });
        expect(status).toBe(401);
        const [, document] = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '') ?? [];
        expect(await (await fetch(document ?? '')).json()).toMatchObject({ resource: `${app.origin}/mcp/dual` });
      }
    });

    it('takes access tokens of users, and keys in X-API-Key', async () => {
      expect((await raw(reach, initializeRequest(), { authorization: `Bearer ${app.token}` })).status).toBe(200);
      const byHeader = await raw(reach, initializeRequest(), { authorization: null, 'x-api-key': reach.key });
      expect(byHeader.status).toBe(200);
    });

    it('A12: refuses pages of other origins and other names for us, whatever they ask', async () => {
      const session = await aSession(reach);
      for (const tool of ['dual', 'nowhere', 'dual/sse', 'dual/messages']) {
        const foreign = await raw({ ...reach, tool }, PING, { ...session, origin: 'https://evil.example' });
        expect([tool, foreign.status]).toEqual([tool, 403]);
        expect(await withHost(app, `/mcp/${tool}`, 'evil.example')).toBe(403);
      }
      const own = await raw(reach, PING, { ...session, origin: app.origin });
      const allowed = await raw(reach, PING, { ...session, origin: 'https://page.example' });
      expect([own.status, allowed.status]).toEqual([200, 200]);
      expect(allowed.headers.get('access-control-allow-origin')).toBe('https://page.example');
      expect(allowed.headers.get('access-control-expose-headers')).toContain('Mcp-Session-Id');
    });

    it('answers the question that browsers ask first', async () => {
      const headers = { origin: 'https://page.example', authorization: null };
      const { status, headers: answered } = await raw(reach, null, headers, 'OPTIONS');
      expect(status).toBe(204);
      for (const name of ['Mcp-Method', 'Mcp-Name', 'MCP-Protocol-Version', 'Last-Event-ID', 'Authorization'])
        expect(answered.get('access-control-allow-headers')).toContain(name);
    });

    it('A14: knows no session of another key, nor of another tool', async () => {
      const session = await aSession(reach);
      const other = await aKey(app, { role: 'admin' });
      expect((await raw({ ...reach, key: other.key }, PING, session)).status).toBe(404);
      expect((await raw({ ...reach, key: other.key }, null, session, 'GET')).status).toBe(404);
      expect((await raw({ ...reach, key: other.key }, null, session, 'DELETE')).status).toBe(404);
      expect((await raw({ ...reach, tool: 'legacy' }, PING, session)).status).toBe(404);
      expect((await raw(reach, PING, session)).status).toBe(200);
    });

    it('A15: keeps a key to its tools, and ends its sessions and streams at once when it is revoked', async () => {
      const scoped = await aKey(app, { role: 'operator', tools: ['dual'] });
      const own = { ...reach, key: scoped.key };
      for (const tool of ['legacy', 'nowhere']) {
        const { status, body } = await raw({ ...own, tool }, initializeRequest());
        expect([tool, status, body.error.data.code]).toEqual([tool, 403, 'tool_out_of_scope']);
      }
      const session = await aSession(own);
      const stream = await fetch(`${app.origin}/mcp/dual`, {
        headers: { ...session, authorization: `Bearer ${scoped.key}`, accept: 'text/event-stream' },
      });
      expect(stream.status).toBe(200);
      const listen = modernRequest(1, 'subscriptions/listen', { notifications: { toolsListChanged: true } });
      const listening = raw(own, listen.body, listen.headers);
      const ended = stream.text();
      await raw(own, PING, session);
      await app.delete(`/api-keys/${scoped.id}`);
      await ended;
      // 503 where it ended before its stream had begun.
      expect([200, 503]).toContain((await listening).status);
      expect((await raw(own, PING, session)).status).toBe(401);
      const refused = await app.get('/logs/operations?action=gateway.request&outcome=refused');
      expect(refused.body.items.length).toBeGreaterThan(0);
    });

    it('lets viewers begin and list, and nothing more', async () => {
      const viewer = { ...reach, key: (await aKey(app, { role: 'viewer' })).key };
      const session = await aSession(viewer);
      expect((await raw(viewer, LIST, session)).status).toBe(200);
      for (const method of ['tools/call', 'resources/read', 'prompts/get', 'completion/complete', 'x/unknown']) {
        const { status, body } = await raw(
          viewer,
          { jsonrpc: '2.0', id: 9, method, params: { name: 'echo' } },
          session,
        );
        expect([method, status, body.error.code, body.id]).toEqual([method, 403, 403, 9]);
        const modern = modernRequest(9, method, method === 'resources/read' ? { uri: 'x:y' } : { name: 'echo' });
        expect((await raw(viewer, modern.body, modern.headers)).status).toBe(403);
      }
      // Two readers of one message must not understand two things.
      const twofold = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"pid"},"method":"tools/list"}';
      const { body } = await raw(viewer, twofold, session);
      expect(body.result.tools).toBeDefined();
    });

    it('knows no endpoint but those of tools', async () => {
      expect((await raw({ ...reach, tool: 'nowhere' }, PING)).status).toBe(404);
      expect((await raw({ ...reach, tool: 'a/b/c' }, PING)).status).toBe(404);
    });
  });
});

function withHost(app: TestApp, path: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(app.origin + path, { method: 'POST', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', reject);
    request.end('{}');
  });
}
