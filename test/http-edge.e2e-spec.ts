import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { DataSource } from 'typeorm';
import { DatabaseInfo } from '../src/database/database-info';
import { waitUntil } from './support/process-tree';
import { startTestApp, type TestApp } from './support/test-app';

describe('the HTTP edge', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({
      env: { CORS_ORIGINS: 'https://dashboard.example.com', ALLOWED_HOSTS: '127.0.0.1,mcps.example.com' },
    });
  });
  afterAll(() => app.stop());

  /** fetch does not let a Host header be set. */
  const withHost = async (path: string, host: string): Promise<number | undefined> => {
    const sent = httpRequest(`${app.origin}${path}`, { headers: { host, authorization: `Bearer ${app.token}` } }).end();
    const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage];
    response.resume();
    return response.statusCode;
  };

  it('gives every answer a request id, keeps a valid one of the client, and writes it to the logs', async () => {
    const own = await app.post('/tools', { name: '!' });
    expect(own.headers.get('x-request-id')).toBe(own.body.requestId);
    const kept = await app.post('/tools', { name: '!' }, { headers: { 'x-request-id': 'trace-42.a_b' } });
    expect(kept.body.requestId).toBe('trace-42.a_b');
    const refused = await app.post('/tools', { name: '!' }, { headers: { 'x-request-id': 'evil id;' } });
    expect(refused.body.requestId).toMatch(/^[0-9a-f-]{36}$/);
    const { body } = await app.get('/logs/operations?limit=3');
    expect(body.items.map((row: { requestId: string }) => row.requestId)).toContain('trace-42.a_b');
  });

  it('A12: refuses a foreign Host on every path but the probes', async () => {
    for (const path of ['/api/v1/tools', '/docs', '/openapi.json', '/']) {
      expect(await withHost(path, 'evil.example.com')).toBe(403);
      expect(await withHost(path, '127.0.0.1.evil.example.com:80')).toBe(403);
    }
    expect(await withHost('/api/v1/tools', 'mcps.example.com')).toBe(200);
    expect(await withHost('/api/v1/tools', 'MCPS.example.com:443')).toBe(200);
    expect(await withHost('/health/live', '10.1.2.3:8000')).toBe(200);
    expect(await withHost('/healthy', 'evil.example.com')).toBe(403);
  });

  it('A26: lets pages of the listed origins alone read answers', async () => {
    const good = await app.get('/tools', { headers: { origin: 'https://dashboard.example.com' } });
    expect(good.headers.get('access-control-allow-origin')).toBe('https://dashboard.example.com');
    expect(good.headers.get('access-control-expose-headers')).toContain('ETag');
    for (const origin of [
      'https://evil.example.com',
      'null',
      'https://dashboard.example.com.evil.example',
      'http://dashboard.example.com',
    ]) {
      const bad = await app.get('/tools', { headers: { origin } });
      expect(bad.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('answers a preflight request of a listed origin for every method it has', async () => {
    const answer = await app.request('OPTIONS', '/tools/x', {
      token: null,
      headers: {
        origin: 'https://dashboard.example.com',
        'access-control-request-method': 'PATCH',
        'access-control-request-headers': 'authorization,content-type,if-match',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect(answer.headers.get('access-control-allow-methods')).toContain('DELETE');
  });

  it('sends the headers that keep browsers from being used against it', async () => {
    const { headers } = await app.get('/tools');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('serves the documentation and the OpenAPI document without a token', async () => {
    const document = await app.get('//openapi.json', { token: null });
    expect(document.body).toMatchObject({ openapi: expect.stringMatching(/^3\./), info: { title: 'MCPS.ONE' } });
    const docs = await app.get('//docs', { token: null });
    expect(docs.body).toContain('swagger-ui');
    const redoc = await app.get('//redoc', { token: null });
    expect(redoc.body).toContain('spec-url="/openapi.json"');
    expect(redoc.body).not.toMatch(/https?:\/\//);
    expect((await app.get('//', { token: null })).headers.get('location')).toBe('/docs');
  });

  it('answers the probes, without a token and for any Host', async () => {
    for (const path of ['//health', '//health/live', '//health/ready', '//health/startup']) {
      const { status, body } = await app.get(path, { token: null });
      expect({ path, status, health: body.status }).toEqual({ path, status: 200, health: 'ok' });
    }
    expect((await app.get('//health/ready', { token: null })).body.details.database.status).toBe('up');
  });

  it('answers 503 where the database is away: readiness in its own shape, the API as a problem; live stays 200', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
    const spies = [
      jest.spyOn(app.nest.get(DatabaseInfo), 'ping').mockRejectedValue(away),
      jest.spyOn(app.nest.get(DataSource), 'createQueryRunner').mockImplementation(() => {
        throw away;
      }),
    ];
    try {
      const ready = await waitUntil(
        async () => {
          const answer = await app.get('//health/ready', { token: null });
          return answer.status === 200 ? undefined : answer; // two bad looks in a row are a verdict
        },
        { what: 'the probe to notice' },
      );
      expect(ready).toMatchObject({ status: 503, body: { status: 'error', error: { database: { status: 'down' } } } });
      expect((await app.get('//health/live', { token: null })).status).toBe(200);
      const refused = await app.get('/tools');
      expect(refused).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
      expect(refused.headers.get('retry-after')).toBe('5');
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    expect((await app.get('/tools')).status).toBe(200);
  });

  it('survives what is no HTTP', async () => {
    const port = Number(new URL(app.origin).port);
    for (const garbage of [
      'GET / HTTP/1.1\r\nHost\r\n\r\n',
      '\0\x01\x02\r\n\r\n',
      'POST /api/v1/tools HTTP/9.9\r\n\r\n',
    ]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume(); // unread, it would never close
      socket.end(garbage);
      await once(socket, 'close');
    }
    expect((await app.get('//health/live')).status).toBe(200);
  });
});
