import { call, event, type Handler, json, legacy, RemoteWorld, stream } from '../../test/support/remote-world';

describe('requests to a remote server', () => {
  const world = new RemoteWorld();

  describe('F41: each failure has its own word', () => {
    it.each([
      [401, 'remote_unauthorized'],
      [403, 'remote_forbidden'],
      [404, 'remote_not_found'],
      [429, 'remote_rate_limited'],
      [502, 'remote_gateway_error'],
      [418, 'remote_http_error'],
    ])('HTTP %i is %s', async (status, code) => {
      const end = await world.failureOf(({ response }) => response.writeHead(status).end('no'));
      expect(end).toMatchObject({ code, status });
    });

    it('a page of HTML is no MCP', async () => {
      const end = await world.failureOf(({ response }) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      );
      expect(end?.code).toBe('remote_not_mcp');
    });

    it('JSON that is broken, or no JSON-RPC, is no MCP', async () => {
      const headers = { 'content-type': 'application/json' };
      expect((await world.failureOf(({ response }) => response.writeHead(200, headers).end('{"a"')))?.code).toBe(
        'remote_not_mcp',
      );
      expect((await world.failureOf(({ response }) => json(response, { hello: 1 })))?.code).toBe('remote_not_mcp');
    });

    it('a request that is accepted without an answer is no MCP', async () => {
      expect((await world.failureOf(({ response }) => response.writeHead(202).end()))?.code).toBe('remote_not_mcp');
    });

    it('a connection that is broken off', async () => {
      expect((await world.failureOf(({ response }) => response.destroy()))?.code).toBe('remote_connection_lost');
    });

    it('a stream that ends without an answer', async () => {
      expect(await world.failureOf(({ response }) => stream(response).end(': bye\n\n'))).toMatchObject({
        code: 'remote_connection_lost',
        message: 'The server ended its stream without an answer',
      });
    });

    it('a refused connection', async () => {
      const server = await world.serve(legacy);
      const { url } = server;
      await server.close();
      const { transport, ear } = await world.connect(url);
      transport.send(call());
      await ear.until(() => ear.failures.length > 0);
      expect(ear.failures[0]).toMatchObject({ message: { id: 1 }, end: { code: 'remote_refused' } });
      expect(ear.ends).toEqual([]);
    });
  });

  describe('redirects', () => {
    const redirectOnce =
      (status: number, location: string): Handler =>
      ({ request, response, message }) => {
        if (request.url === '/mcp') response.writeHead(status, { location }).end();
        else json(response, { jsonrpc: '2.0', id: message.id, result: { got: request.headers.authorization } });
      };

    it.each([307, 308])('follows HTTP %i at home with message and headers', async (status) => {
      const server = await world.serve(redirectOnce(status, '/moved'));
      const { transport, ear } = await world.connect(server.url, { headers: { Authorization: 'Bearer t' } });
      transport.send(call());
      await ear.until(() => ear.messages.length === 1);
      expect(ear.messages[0]?.result).toEqual({ got: 'Bearer t' });
    });

    it('never carries our headers to another origin', async () => {
      const thief = await world.serve(legacy);
      const end = await world.failureOf(redirectOnce(307, thief.url));
      expect(end).toMatchObject({ code: 'remote_redirect', status: 307 });
      expect(end?.message).toContain(new URL(thief.url).origin);
      expect(thief.exchanges).toEqual([]);
    });

    it('refuses a redirect that would lose the message, and one without end', async () => {
      expect(await world.failureOf(redirectOnce(302, '/moved'))).toMatchObject({
        code: 'remote_redirect',
        status: 302,
      });
      const round = await world.serve(({ response }) => response.writeHead(307, { location: '/mcp' }).end());
      const { transport, ear } = await world.connect(round.url);
      transport.send(call());
      await ear.until(() => ear.failures.length > 0);
      expect(ear.failures[0]?.end.code).toBe('remote_redirect');
      expect(round.exchanges).toHaveLength(4);
    });
  });

  describe('F16: size', () => {
    it.each(['application/json', 'text/event-stream'])('breaks off an answer over the cap (%s)', async (type) => {
      const server = await world.serve(({ response }) => {
        response.writeHead(200, { 'content-type': type });
        const more = (): void => {
          while (!response.destroyed && response.write('x'.repeat(1000)));
        };
        response.on('drain', more);
        more();
      });
      const { transport, ear } = await world.connect(server.url, { maxMessageBytes: 10_000 });
      transport.send(call(5));
      await ear.until(() => ear.oversized.length > 0);
      expect(ear.oversized[0]?.[0]).toBe('{"id":5}');
      expect(ear.failures).toEqual([]);
    });

    it('lets a long stream of small messages pass', async () => {
      const server = await world.serve(({ response, message }) => {
        stream(response);
        for (let index = 0; index < 100; index += 1) response.write(event({ jsonrpc: '2.0', method: 'x'.repeat(500) }));
        response.end(event({ jsonrpc: '2.0', id: message.id, result: {} }));
      });
      const { transport, ear } = await world.connect(server.url, { maxMessageBytes: 10_000 });
      transport.send(call());
      await ear.until(() => ear.messages.length === 101);
      expect(ear.oversized).toEqual([]);
    });
  });
});
