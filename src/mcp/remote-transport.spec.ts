import type { ServerResponse } from 'node:http';
import { call, Ear, event, type Handler, json, legacy, RemoteWorld, stream } from '../../test/support/remote-world';
import { listOfferings } from './capability-listing';
import { performHandshake } from './handshake';
import { McpPeer } from './mcp-peer';
import { RemoteTransport } from './remote-transport';

describe('RemoteTransport', () => {
  const world = new RemoteWorld();

  function peerOver(transport: RemoteTransport): McpPeer {
    return new McpPeer({
      transport,
      sink: { record: () => undefined },
      tool: { id: 't', name: 'remote', recordPayloads: true },
      clientInfo: { name: 'mcps-one', version: '1' },
    });
  }

  it('shakes hands with a legacy server, keeps its session and ends it', async () => {
    const server = await world.serve(legacy);
    const transport = new RemoteTransport({
      transport: 'streamable-http',
      url: server.url,
      headers: { Authorization: 'Bearer t', Accept: 'nonsense' },
    });
    const peer = peerOver(transport);
    const { signal } = new AbortController();
    await peer.open(signal);
    const identity = await performHandshake(peer, { timeoutMs: 30_000, signal, probe: 'auto' });
    expect(identity).toMatchObject({ era: 'legacy', protocolVersion: '2025-11-25', serverInfo: { name: 'fake' } });
    await expect(listOfferings(peer, identity, { timeoutMs: 30_000, signal })).resolves.toMatchObject({
      tools: [{ name: 'a' }],
    });
    await peer.close();
    expect(peer.closed).toBe(true);
    const posts = server.exchanges.filter(({ request }) => request.method !== 'GET');
    expect(posts.map(({ request, message }) => message.method ?? request.method)).toEqual([
      'server/discover',
      'initialize',
      'notifications/initialized',
      'tools/list',
      'DELETE',
    ]);
    expect(posts.map(({ request }) => request.headers['mcp-protocol-version'])).toEqual([
      '2026-07-28',
      undefined,
      '2025-11-25',
      '2025-11-25',
      '2025-11-25',
    ]);
    expect(posts.map(({ request }) => request.headers['mcp-session-id'])).toEqual([
      undefined,
      undefined,
      'session-1',
      'session-1',
      'session-1',
    ]);
    expect(posts.map(({ request }) => request.headers['mcp-method'])).toEqual([
      'server/discover',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    for (const { request } of server.exchanges) {
      expect(request.headers.authorization).toBe('Bearer t');
      if (request.method === 'POST') expect(request.headers.accept).toBe('application/json, text/event-stream');
    }
  });

  it('repeats annotated arguments in headers, and leaves out a tool that is annotated wrongly', async () => {
    const annotated = (name: string, header: string): object => ({
      name,
      inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': header } } },
    });
    const server = await world.serve(({ response, message }) =>
      json(response, {
        jsonrpc: '2.0',
        id: message.id,
        result: { tools: [annotated('good', 'Region'), annotated('bad', 'my region'), { name: 'plain' }] },
      }),
    );
    const { transport, ear } = await world.connect(server.url);
    transport.setProtocolVersion('2026-07-28');
    transport.send(call(1, 'tools/list'));
    await ear.until(() => ear.messages.length === 1);
    expect(ear.messages[0]?.result).toMatchObject({ tools: [{ name: 'good' }, { name: 'plain' }] });
    expect(ear.noise).toEqual(['The tool "bad" is left out: its x-mcp-header breaks the rules']);
    transport.send(call(2, 'tools/call', { name: 'good', arguments: { region: 'Ägypten' } }));
    await ear.until(() => ear.messages.length === 2);
    expect(server.exchanges.at(-1)?.request.headers['mcp-param-region']).toBe('=?base64?w4RneXB0ZW4=?=');
  });

  it('mirrors method and name in the headers of a modern revision, encoded where they must be', async () => {
    const server = await world.serve(({ response, message }) =>
      json(response, { jsonrpc: '2.0', id: message.id, result: {} }),
    );
    const { transport, ear } = await world.connect(server.url);
    transport.setProtocolVersion('2026-07-28');
    transport.send(call(1, 'tools/call', { name: 'read file' }));
    transport.send(call(2, 'resources/read', { uri: 'file:///ä' }));
    transport.send(call(3, 'prompts/get', { name: ' padded' }));
    transport.send(call(4, 'tools/list', { name: 'unnamed' }));
    await ear.until(() => ear.messages.length === 4);
    const headersOf = (id: number): unknown => {
      const { headers } = server.exchanges.find(({ message }) => message.id === id)?.request ?? {};
      return [headers?.['mcp-protocol-version'], headers?.['mcp-method'], headers?.['mcp-name']];
    };
    expect(headersOf(1)).toEqual(['2026-07-28', 'tools/call', 'read file']);
    expect(headersOf(2)).toEqual(['2026-07-28', 'resources/read', '=?base64?ZmlsZTovLy/DpA==?=']);
    expect(headersOf(3)).toEqual(['2026-07-28', 'prompts/get', '=?base64?IHBhZGRlZA==?=']);
    expect(headersOf(4)).toEqual(['2026-07-28', 'tools/list', undefined]);
  });

  it('delivers notifications and the answer of an event stream in their order', async () => {
    const server = await world.serve(({ response, message }) => {
      stream(response).write(
        event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } }),
      );
      response.end(event({ jsonrpc: '2.0', id: message.id, result: { text: 'ä€' } }));
    });
    const { transport, ear } = await world.connect(server.url);
    transport.send(call());
    await ear.until(() => ear.messages.length === 2);
    expect(ear.messages).toEqual([
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 1, progress: 1 } },
      { jsonrpc: '2.0', id: 1, result: { text: 'ä€' } },
    ]);
    expect(ear.failures).toEqual([]);
  });

  it('lets nothing overtake `notifications/initialized`', async () => {
    let isAccepted = false;
    const server = await world.serve(({ response, message, request }) => {
      if (request.method === 'GET') return void response.writeHead(405).end();
      if (message.id !== undefined) {
        json(response, { jsonrpc: '2.0', id: message.id, result: { isAccepted } });
        return;
      }
      setTimeout(() => {
        isAccepted = true;
        response.writeHead(202).end();
      }, 30);
    });
    const { transport, ear } = await world.connect(server.url);
    transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    transport.send(call());
    await ear.until(() => ear.messages.length === 1);
    expect(ear.messages[0]?.result).toEqual({ isAccepted: true });
  });

  it('delivers the JSON-RPC error that a modern server puts into an HTTP error', async () => {
    const error = { code: -32022, message: 'no', data: { supported: ['2027-01-01'] } };
    const server = await world.serve(({ response, message }) => {
      const id = message.method === 'server/discover' ? null : message.id;
      json(response, { jsonrpc: '2.0', id, error }, 400);
    });
    const { transport, ear } = await world.connect(server.url);
    transport.send(call(7));
    transport.send(call(8, 'server/discover'));
    await ear.until(() => ear.messages.length === 2);
    expect(ear.messages).toEqual(
      expect.arrayContaining([
        { jsonrpc: '2.0', id: 7, error },
        { jsonrpc: '2.0', id: 8, error },
      ]),
    );
    expect(ear.failures).toEqual([]);
  });

  it('ends when the server has lost the session, and fails the call that met it', async () => {
    let isLost = false;
    const server = await world.serve((exchange) => {
      if (isLost) exchange.response.writeHead(404).end();
      else legacy(exchange);
    });
    const { transport, ear } = await world.connect(server.url);
    transport.send(call(1, 'initialize', {}));
    await ear.until(() => ear.messages.length === 1);
    isLost = true;
    transport.send(call(2));
    await ear.until(() => ear.ends.length === 1);
    expect(ear.failures.map(({ message, end }) => [message.id, end.code])).toEqual([[2, 'remote_session_lost']]);
    expect(ear.ends[0]?.code).toBe('remote_session_lost');
    expect(() => transport.send(call(3))).toThrow(expect.objectContaining({ code: 'transport_closed' }));
  });

  describe('cancelling', () => {
    const hanging =
      (hung: () => void, closed: () => void): Handler =>
      ({ response, message }) => {
        if (message.id === undefined) return void response.writeHead(202).end();
        response.on('close', closed);
        stream(response).write(': wait\n\n');
        hung();
      };

    it.each([
      ['2026-07-28', 'hangs up, which is the cancel of the modern revisions', 0],
      ['2025-11-25', 'sends the notification of the legacy revisions', 1],
    ])('%s: %s', async (version, _what, notifications) => {
      let hung: () => void = () => undefined;
      let closed: () => void = () => undefined;
      const isHung = new Promise<void>((resolve) => (hung = resolve));
      const isClosed = new Promise<void>((resolve) => (closed = resolve));
      const server = await world.serve(hanging(hung, closed));
      const { transport, ear } = await world.connect(server.url);
      transport.setProtocolVersion(version);
      transport.send(call());
      await isHung;
      transport.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
      if (notifications === 0) await isClosed;
      else await waitFor(() => server.of('notifications/cancelled').length === 1);
      expect(server.of('notifications/cancelled')).toHaveLength(notifications);
      expect(ear.failures).toEqual([]);
    });
  });

  it('closes although the server does not answer the end of the session, and hangs up on calls', async () => {
    const server = await world.serve((exchange) => {
      if (exchange.request.method !== 'DELETE' && exchange.message.method !== 'tools/call') legacy(exchange);
    });
    const { transport, ear } = await world.connect(server.url);
    transport.send(call(1, 'initialize', {}));
    await ear.until(() => ear.messages.length === 1);
    transport.send(call(2));
    await waitFor(() => server.of('tools/call').length === 1);
    await Promise.all([transport.close(), transport.close()]);
    expect(ear.ends).toEqual([{ code: 'closed', message: 'The connection was closed by MCPS.ONE' }]);
    expect(server.of('DELETE')).toHaveLength(1);
  });

  describe('HTTP+SSE (2024-11-05)', () => {
    /** Answers on the one stream; `/stop` as a method breaks it. */
    const sse = (): Handler => {
      let channel: ServerResponse | undefined;
      return ({ request, response, message }) => {
        if (request.method === 'GET') {
          channel = stream(response);
          channel.write('event: endpoint\ndata: /messages?session=1\n\n');
          return;
        }
        response.writeHead(202).end('Accepted');
        if (message.method === 'stop') channel?.destroy();
        else if (message.id !== undefined)
          channel?.write(event({ jsonrpc: '2.0', id: message.id, result: { url: request.url } }));
      };
    };

    it('posts to the address that the stream names, with our headers, and hears the answer on the stream', async () => {
      const server = await world.serve(sse());
      const { transport, ear } = await world.connect(server.url, { transport: 'sse', headers: { 'x-key': 'k' } });
      transport.send(call());
      await ear.until(() => ear.messages.length === 1);
      expect(ear.messages[0]?.result).toEqual({ url: '/messages?session=1' });
      expect(server.exchanges.map(({ request }) => request.headers['x-key'])).toEqual(['k', 'k']);
      await transport.close();
      expect(ear.ends.map((end) => end.code)).toEqual(['closed']);
    });

    it('ends when the stream breaks: a new one would be a session that was never initialized', async () => {
      const server = await world.serve(sse());
      const { transport, ear } = await world.connect(server.url, { transport: 'sse' });
      transport.send({ jsonrpc: '2.0', method: 'stop' });
      await ear.until(() => ear.ends.length === 1);
      expect(ear.ends[0]?.code).toBe('remote_connection_lost');
    });

    it.each([
      [401, 'text/plain', 'remote_unauthorized'],
      [404, 'text/plain', 'remote_not_found'],
      [200, 'text/html', 'remote_not_mcp'],
    ])('F41: rejects to open on HTTP %i with %s', async (status, type, code) => {
      const server = await world.serve(({ response }) =>
        response.writeHead(status, { 'content-type': type }).end('no'),
      );
      await expect(world.connect(server.url, { transport: 'sse' })).rejects.toMatchObject({ code, status });
    });

    it('rejects to open when nobody listens, and when it is aborted while no address comes', async () => {
      const server = await world.serve(({ response }) => void stream(response).write(': wait\n\n'));
      const transport = new RemoteTransport({ transport: 'sse', url: server.url });
      const controller = new AbortController();
      const opened = transport.open(new Ear().listener, controller.signal);
      await waitFor(() => server.exchanges.length === 1);
      controller.abort();
      await expect(opened).rejects.toMatchObject({ code: 'open_aborted' });
      const { url } = server;
      await server.close();
      await expect(world.connect(url, { transport: 'sse' })).rejects.toMatchObject({ code: 'remote_refused' });
    });
  });

  it("speaks with the SDK's own server", async () => {
    const { McpServer } = await import('@modelcontextprotocol/sdk/server/mcp.js');
    const { StreamableHTTPServerTransport } = await import('@modelcontextprotocol/sdk/server/streamableHttp.js');
    const mcp = new McpServer({ name: 'sdk-server', version: '3' });
    mcp.registerTool('hello', { description: 'says hello' }, async (extra) => {
      const progressToken = extra._meta?.progressToken ?? 0;
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      return { content: [{ type: 'text', text: 'hello' }] };
    });
    const sdk = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'sdk-session' });
    await mcp.connect(sdk);
    const server = await world.serve(({ request, response, message }) => {
      void sdk.handleRequest(request, response, request.method === 'POST' ? message : undefined);
    });
    const peer = peerOver(new RemoteTransport({ transport: 'streamable-http', url: server.url }));
    const { signal } = new AbortController();
    await peer.open(signal);
    const identity = await performHandshake(peer, { timeoutMs: 30_000, signal, probe: 'auto' });
    expect(identity).toMatchObject({ era: 'legacy', serverInfo: { name: 'sdk-server' } });
    await expect(listOfferings(peer, identity, { timeoutMs: 30_000, signal })).resolves.toMatchObject({
      tools: [{ name: 'hello' }],
    });
    const progress: unknown[] = [];
    const result = await peer.request({
      method: 'tools/call',
      params: { name: 'hello', _meta: { progressToken: 'mine' } },
      timeoutMs: 30_000,
      client: null,
      sessionId: null,
      onProgress: (params) => void progress.push(params),
    });
    expect(result).toEqual({ content: [{ type: 'text', text: 'hello' }] });
    expect(progress).toEqual([{ progressToken: 'mine', progress: 1 }]);
    await peer.close();
    await mcp.close();
  });
});

/** For what happens in the server, which has nothing to await. */
async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
