import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { Tool } from '../src/tools/tool.entity';
import { startTestApp, type TestApp } from './support/test-app';

/** A server that must never be reached; PORT in a URL is its port. */
async function startSink(answer: (location: string) => string | null) {
  let arrived = 0;
  const server: Server = createServer((request, response) => {
    const location = answer(request.url ?? '/');
    if (location !== null) response.writeHead(307, { location });
    response.end('{}');
  }).listen(0, '127.0.0.1');
  server.on('connection', () => (arrived += 1));
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, arrivals: () => arrived, close: () => server.close() };
}

const LOOPBACK = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1'],
  ...[
    '017700000001',
    '0x7F.0x0.0x0.0x1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '①②⑦.⓪.⓪.①',
    '１２７．０．０．１',
    '127。0。0。1',
  ],
  ...['[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]'],
];
const PRIVATE = [
  ...['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255', '3232235777'],
  ...['100.64.0.1', '100.127.255.255', '[fc00::1]', '[fd12:3456:789a::1]', '[fec0::1]', '[::ffff:192.168.1.1]'],
  ...['[64:ff9b::10.0.0.1]', '[64:ff9b::c0a8:101]'],
];
const NEVER = [
  ...['169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518', '169.254.170.2'],
  ...['100.100.100.200', '[fd00:ec2::254]', '[::ffff:a9fe:a9fe]', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]'],
  ...['[::169.254.169.254]', '[2002:a9fe:a9fe::]', '[64:ff9b:1::a9fe:a9fe]', 'metadata.google.internal', 'metadata'],
  ...['169.254.1.1', '0.0.0.0', '0', '[::]', '224.0.0.1', '255.255.255.255', '240.0.0.1', '192.0.2.1', '198.18.0.1'],
  ...['198.51.100.1', '203.0.113.1', '192.88.99.1', '[fe80::1]', '[ff02::1]', '[2001:db8::1]', '[2002:7f00:1::]'],
  ...['[2001:0:7f00:1::]', '[64:ff9b::127.0.0.1]', '[::127.0.0.1]', '[::ffff:0:127.0.0.1]', '[100::1]'],
];

describe('A11: remote tools at addresses that are closed to them', () => {
  let app: TestApp;
  let sink: Awaited<ReturnType<typeof startSink>>;
  beforeAll(async () => {
    app = await startTestApp({ env: { REMOTE_ALLOW_LOOPBACK: 'false' } });
    sink = await startSink(() => null);
  });
  afterAll(async () => {
    await app.stop();
    sink.close();
  });

  it.each([...LOOPBACK, ...PRIVATE, ...NEVER])(
    'refuses http://%s by name, before anything is connected',
    async (host) => {
      const url = `http://${host}:${sink.port}/mcp`;
      const checked = await app.post('/tools/validate', { name: 'far', url });
      expect(checked.body.problems).toMatchObject([{ path: 'url', code: 'remote_address_refused', severity: 'error' }]);
      expect(checked.body.problems[0].hint).toMatch(/REMOTE_ALLOW_|No setting/);
      for (const path of ['/tools', '/tools/probe']) {
        const { status, body } = await app.post(path, { name: 'far', url });
        expect({ status, path: body.errors?.[0].path }).toEqual({ status: 400, path: 'url' });
      }
      const imported = await app.post('/tools/import', { config: { mcpServers: { far: { type: 'http', url } } } });
      expect(imported.body).toMatchObject({ created: [], skipped: [{ name: 'far' }] });
      expect(sink.arrivals()).toBe(0);
    },
  );

  it.each(['ftp', 'file', 'gopher', 'javascript', 'data', 'unix', 'ws'])('refuses the scheme %s', async (scheme) => {
    const { status } = await app.post('/tools', {
      name: 'far',
      transport: 'sse',
      url: `${scheme}://127.0.0.1:${sink.port}/`,
    });
    expect(status).toBe(400);
  });

  it.each(['localhost', 'LOCALHOST'])('refuses the name %s when it is looked up', async (name) => {
    const tool = `name-${name.length}-${name.startsWith('L') ? 'upper' : 'lower'}`;
    const url = `http://${name}:${sink.port}/mcp`;
    expect(
      (await app.post('/tools', { name: tool, url, headers: { Authorization: 'Bearer never-sent-1' } })).status,
    ).toBe(201);
    const { status, body } = await app.post(`/tools/${tool}/start`);
    expect({ status, reason: body.reason, state: body.state }).toEqual({
      status: 502,
      reason: 'remote_address_refused',
      state: 'failed',
    });
    expect(body.detail).toContain('REMOTE_ALLOW_LOOPBACK=true');
    expect((await app.get(`/tools/${tool}/status`)).body.lastError.code).toBe('remote_address_refused');
    expect(sink.arrivals()).toBe(0);
  });

  it('refuses at the start what came into the database past the API', async () => {
    await app.post('/tools', { name: 'past', url: 'https://mcp.example.com/mcp' });
    const url = `http://127.0.0.1:${sink.port}/mcp`;
    await app.nest.get(DataSource).manager.update(Tool, { name: 'past' }, { url });
    const { status, body } = await app.post('/tools/past/start');
    expect({ status, reason: body.reason }).toEqual({ status: 502, reason: 'remote_address_refused' });
    expect(sink.arrivals()).toBe(0);
  });
});

describe('A11: redirects of a server that may be reached', () => {
  it.each([
    ['a metadata address', () => 'http://169.254.169.254/latest/meta-data/'],
    ['another port', () => 'http://127.0.0.1:1/'],
    ['another name of the same machine', (port: number) => `http://localhost:${port}/`],
    ['another scheme', (port: number) => `https://127.0.0.1:${port}/`],
    ['a file', () => 'file:///etc/passwd'],
    ['itself, for ever', (port: number) => `http://127.0.0.1:${port}/again`],
  ])('are not followed to %s', async (_, target) => {
    const app = await startTestApp();
    const sink = await startSink(() => target(sink.port));
    await app.post('/tools', { name: 'astray', url: `http://127.0.0.1:${sink.port}/mcp`, restartPolicy: 'never' });
    const { status, body } = await app.post('/tools/astray/start');
    expect({ status, reason: body.reason }).toEqual({ status: 502, reason: 'remote_redirect' });
    sink.close();
    await app.stop();
  });
});

describe('A11: what the settings open', () => {
  it('opens private networks, and nothing opens where clouds keep their credentials', async () => {
    const app = await startTestApp({ env: { REMOTE_ALLOW_PRIVATE_NETWORKS: 'true' } });
    for (const host of ['127.0.0.1', '192.168.1.20', '10.1.2.3', '100.64.1.1', '[fd12::1]']) {
      expect((await app.post('/tools/validate', { name: 'near', url: `http://${host}:1/mcp` })).body.valid).toBe(true);
    }
    for (const host of NEVER) {
      expect((await app.post('/tools/validate', { name: 'near', url: `http://${host}:1/mcp` })).body.valid).toBe(false);
    }
    await app.stop();
  });
});
