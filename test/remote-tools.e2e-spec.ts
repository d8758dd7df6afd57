import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startTestApp, type TestApp } from './support/test-app';

const FIXTURE = join(__dirname, 'support/fixture-http-server.mjs');
const SECRET = 'Bearer remote-secret-8831';

/** Starts the fixture; resolves with its port. It ends with its standard input. */
async function startFixture(...flags: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [FIXTURE, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(/listening (\d+)/.exec(line.toString())?.[1]) };
}

describe('remote tools', () => {
  let app: TestApp;
  let server: Server;
  const children: ChildProcess[] = [];
  const fixture = async (...flags: string[]) => {
    const started = await startFixture(...flags);
    children.push(started.child);
    return started.port;
  };
  let refusing = 0;
  let closedPort = 0;
  beforeAll(async () => {
    app = await startTestApp();
    server = createServer((request, response) => {
      const [, status = '500', location] = (request.url ?? '').split('/');
      response.writeHead(Number(status), {
        'content-type': 'text/html',
        ...(location ? { location: decodeURIComponent(location) } : {}),
      });
      response.end('<html>not MCP</html>');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    refusing = (server.address() as AddressInfo).port;
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    closedPort = (closed.address() as AddressInfo).port;
    closed.close();
  });
  afterAll(async () => {
    await app.stop();
    for (const child of children) child.stdin?.end();
    for (const child of children) if (child.exitCode === null) await once(child, 'exit');
    server.close();
  });

  it.each([
    ['streamable-http', '/mcp', 'legacy', '2025-11-25'],
    ['streamable-http', '/mcp', 'modern', '2026-07-28'],
    ['sse', '/sse', 'legacy', '2025-11-25'],
  ])(
    'speaks %s with a %s server of the %s era: start, list, call, log, stop',
    async (transport, path, era, version) => {
      const port = await fixture('--era', era, '--require-header', `Authorization=${SECRET}`);
      const name = `remote-${transport}-${era}`;
      await app.post('/tools', {
        name,
        transport,
        url: `http://127.0.0.1:${port}${path}`,
        headers: { Authorization: SECRET },
      });
      const started = await app.post(`/tools/${name}/start`);
      expect(started.body).toMatchObject({ state: 'running', protocolVersion: version, pid: null, processes: 0 });
      const offered = await app.get(`/tools/${name}/capabilities`);
      expect(offered.body.tools.map((tool: { name: string }) => tool.name)).toContain('echo');
      const called = await app.post(`/tools/${name}/call`, { name: 'echo', arguments: { text: 'far away' } });
      expect(called.body.result.content[0].text).toBe('Echo: far away');
      const records = await app.get(`/logs/mcp?tool=${name}&limit=500`);
      expect(records.body.items.filter((row: { target: string }) => row.target === 'echo')).toHaveLength(2);
      expect(JSON.stringify(records.body)).not.toContain(SECRET);
      expect((await app.post(`/tools/${name}/stop`)).body.state).toBe('stopped');
    },
  );

  it.each([
    ['remote_refused', 'http://127.0.0.1:CLOSED/mcp'],
    ['remote_dns', 'http://no-such-host.invalid/mcp'],
    ['remote_unauthorized', 'http://127.0.0.1:PORT/401'],
    ['remote_forbidden', 'http://127.0.0.1:PORT/403'],
    ['remote_not_found', 'http://127.0.0.1:PORT/404'],
    ['remote_server_error', 'http://127.0.0.1:PORT/503'],
    ['remote_not_mcp', 'http://127.0.0.1:PORT/200'],
    ['remote_redirect', 'http://127.0.0.1:PORT/307/http%3A%2F%2Flocalhost%3A1%2F'],
  ])('F41: names %s as the reason, with a hint', async (reason, url) => {
    const name = `far-${reason.replaceAll('_', '-')}`;
    const definition = {
      name,
      url: url.replace('PORT', String(refusing)).replace('CLOSED', String(closedPort)),
      restartPolicy: 'never',
      timeoutMs: 60_000,
    };
    await app.post('/tools', { ...definition, headers: { Authorization: SECRET } });
    const { status, body } = await app.post(`/tools/${name}/start`);
    expect({ status, reason: body.reason }).toEqual({ status: 502, reason });
    expect(body.hint).toMatch(/\w{3,}/);
    expect(JSON.stringify(body)).not.toContain(SECRET);
  });

  it('F41: goes to backoff when a remote server goes away', async () => {
    const { child, port } = await startFixture();
    await app.post('/tools', { name: 'gone', url: `http://127.0.0.1:${port}/mcp` });
    expect((await app.post('/tools/gone/start')).body.state).toBe('running');
    child.stdin?.end();
    await once(child, 'exit');
    const called = await app.post('/tools/gone/call', { name: 'echo', arguments: { text: 'anybody?' } });
    expect({ status: called.status, code: called.body.code }).toEqual({ status: 502, code: 'tool_connection_lost' });
  });
});
