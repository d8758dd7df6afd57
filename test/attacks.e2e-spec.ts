/** Attacks that aim at no single part: what is put into filters, names and headers, and who is taken for whom. */
import { DataSource } from 'typeorm';
import { toJsonLine, toReadableLine } from '../src/common/log-sinks';
import { aTool } from './support/a-tool';
import { aKey, aUser } from './support/accounts';
import { startTestApp, type TestApp } from './support/test-app';

const INJECTIONS = [
  "' OR '1'='1",
  "x'; DROP TABLE tools; --",
  '") OR 1=1 --',
  '%_!%',
  '\\',
  "1'||'1",
  '${7*7}',
  '{{7*7}}',
];

describe('an attack', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('A19: puts SQL into every filter and changes nothing', async () => {
    await app.post('/tools', aTool({ name: 'still-here' }));
    const filters = {
      '/tools': ['search', 'tag', 'cursor'],
      '/users': ['search', 'cursor'],
      '/api-keys': ['cursor'],
      '/logs/system': ['search', 'context', 'cursor'],
      '/logs/operations': ['search', 'actor', 'action', 'targetId', 'cursor'],
      '/logs/mcp': ['search', 'tool', 'sessionId', 'method', 'target', 'cursor'],
    };
    for (const [path, names] of Object.entries(filters)) {
      for (const name of names) {
        for (const text of INJECTIONS) {
          const { status, body } = await app.get(`${path}?${name}=${encodeURIComponent(text)}`);
          expect({ path, name, text, ok: status === 200 || status === 400 }).toMatchObject({ ok: true });
          // Nothing has such a name, method or content; only the operation log may hold the text that was asked for.
          if (status === 200 && name !== 'search')
            expect({ path, name, text, found: body.items }).toMatchObject({ found: [] });
        }
      }
    }
    expect((await app.get('/tools/still-here')).status).toBe(200);
    expect((await app.get('/tools?search=%25')).body.items).toEqual([]);
  });

  it('A21: writes a forged line into the log, and it stays one escaped line', async () => {
    const forged = 'eve\r\n{"level":"fatal","message":"forged"}\u001b[31m\u2028';
    await app.login(forged, 'no password of anybody');
    const answer = await app.get('/tools', { headers: { 'x-request-id': 'a b\tc' } });
    expect(answer.headers.get('x-request-id')).not.toContain('\t');
    for (const entry of app.log) {
      // The stack of an error alone has lines of its own.
      const lines = [toJsonLine(entry), ...(entry.stack ? [] : [toReadableLine(entry)])];
      for (const line of lines) expect(['\n', '\r', '\u001b'].filter((control) => line.includes(control))).toEqual([]);
    }
    const { body } = await app.get('/logs/operations?action=auth.login&outcome=refused');
    const names = body.items.map((row: { actor: { name: string | null } }) => row.actor.name ?? '');
    expect(names.join('')).not.toContain('\n');
  });

  it.each([
    ['POST', '/tools', '{"name":'],
    ['POST', '/tools', '[]'],
    ['POST', '/tools', `${'['.repeat(5_000)}${']'.repeat(5_000)}`],
    ['GET', '/tools/%00', undefined],
    ['GET', '/tools?limit[]=1', undefined],
    ['GET', '/tools?limit=1e9', undefined],
    ['GET', '/logs/mcp/%2e%2e%2f%2e%2e%2fetc%2fpasswd', undefined],
    ['PATCH', '/tools/none', '{"__proto__":{"admin":true}}'],
    ['DELETE', '/users/%27', undefined],
  ])('A29: gets no trace, statement or path out of %s %s', async (method, path, raw) => {
    const { status, body, headers } = await app.request(method, path, raw === undefined ? {} : { raw });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(headers.get('content-type')).toContain('application/problem+json');
    expect(typeof body.requestId).toBe('string');
    expect(JSON.stringify(body)).not.toMatch(/node_modules|\.ts:|\.js:|SELECT|SQLITE|at \w+ \(/);
  });

  it('mixes up nobody when fifty ask at once, with tokens and with keys', async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => aUser(app, 'viewer')));
    const keys = await Promise.all(Array.from({ length: 10 }, () => aKey(app, { role: 'viewer' })));
    const callers = [
      ...users.map(({ id, token }) => ({ id, token })),
      ...keys.map(({ id, key }) => ({ id, token: key })),
    ];
    const asked = Array.from({ length: 1_000 }, (_, n) => callers[n % callers.length]);
    let next = 0;
    const ask = async (): Promise<void> => {
      for (let caller = asked[next++]; caller !== undefined; caller = asked[next++]) {
        const { body } = await app.get('/auth/me', { token: caller.token });
        expect(body.id).toBe(caller.id);
      }
    };
    await Promise.all(Array.from({ length: 50 }, ask));
  }, 120_000);

  it('A24: changes, removes or reorders rows of the operation log, and the first bad one is named', async () => {
    const database = app.nest.get(DataSource);
    const sound = (await app.get('/logs/operations/verify')).body;
    expect(sound).toMatchObject({ valid: true, firstBroken: null, unverifiable: 0 });
    expect(sound.checked).toBeGreaterThan(10);
    const rows: { id: string; seq: number }[] = await database.query(
      'SELECT id, seq FROM operation_log ORDER BY seq LIMIT 9',
    );
    const [third, sixth, seventh] = [rows[2], rows[5], rows[6]];
    const broken = async () => (await app.get('/logs/operations/verify')).body;

    await database.query(`DELETE FROM operation_log WHERE seq = ${sixth?.seq}`);
    expect(await broken()).toMatchObject({ valid: false, firstBroken: { id: seventh?.id } });
    await database.query(`UPDATE operation_log SET action = 'tool.reveal' WHERE seq = ${third?.seq}`);
    expect(await broken()).toMatchObject({ valid: false, firstBroken: { id: third?.id, at: expect.any(String) } });
  });
});
