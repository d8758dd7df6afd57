import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { aKey, aLogin, aUser } from './support/accounts';
import { type Answer, startTestApp, type TestApp } from './support/test-app';

const ROLES = ['viewer', 'operator', 'admin'] as const;
type Role = (typeof ROLES)[number];

/**
 * Who may use which route: the least role, or `public`. `users`: not for API keys. `scoped`: also for API keys that are
 * limited to some tools. Every route of the program must stand here; a new one is a decision about who may use it.
 */
const MATRIX: Record<string, string> = {
  'GET /health': 'public',
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  'GET /health/startup': 'public',
  'POST /api/v1/auth/login': 'public',
  'POST /api/v1/auth/refresh': 'public',
  'POST /api/v1/auth/logout': 'viewer users',
  'GET /api/v1/auth/me': 'viewer scoped',
  'PUT /api/v1/auth/password': 'viewer users',
  'GET /api/v1/auth/sessions': 'viewer users',
  'DELETE /api/v1/auth/sessions/{id}': 'viewer users',
  'GET /api/v1/users': 'admin',
  'POST /api/v1/users': 'admin',
  'GET /api/v1/users/{id}': 'admin',
  'PATCH /api/v1/users/{id}': 'admin',
  'DELETE /api/v1/users/{id}': 'admin',
  'GET /api/v1/api-keys': 'admin',
  'POST /api/v1/api-keys': 'admin',
  'DELETE /api/v1/api-keys/{id}': 'admin',
  'GET /api/v1/tools': 'viewer scoped',
  'POST /api/v1/tools': 'admin',
  'GET /api/v1/tools/{tool}': 'viewer scoped',
  'PUT /api/v1/tools/{tool}': 'admin',
  'PATCH /api/v1/tools/{tool}': 'admin',
  'DELETE /api/v1/tools/{tool}': 'admin',
  'POST /api/v1/tools/{tool}/start': 'operator scoped',
  'POST /api/v1/tools/{tool}/stop': 'operator scoped',
  'POST /api/v1/tools/{tool}/restart': 'operator scoped',
  'GET /api/v1/tools/{tool}/status': 'viewer scoped',
  'GET /api/v1/tools/{tool}/capabilities': 'viewer scoped',
  'POST /api/v1/tools/{tool}/call': 'operator scoped',
  'POST /api/v1/tools/{tool}/request': 'operator scoped',
  'POST /api/v1/tools/{tool}/reveal': 'admin',
  'GET /api/v1/tools/{tool}/stderr': 'viewer scoped',
  'GET /api/v1/tools/{tool}/metrics': 'viewer scoped',
  'POST /api/v1/tools/batch': 'operator scoped',
  'POST /api/v1/tools/validate': 'admin',
  'POST /api/v1/tools/probe': 'admin',
  'POST /api/v1/tools/import': 'admin',
  'GET /api/v1/tools/export': 'admin',
  'GET /api/v1/system/config': 'viewer',
  'PUT /api/v1/system/config': 'admin',
  'GET /api/v1/gateway/sessions': 'admin',
  'DELETE /api/v1/gateway/sessions/{id}': 'admin',
  'GET /api/v1/system/health': 'viewer',
  'GET /api/v1/system/info': 'viewer',
  'GET /api/v1/system/status': 'viewer',
  'GET /api/v1/system/metrics': 'viewer',
  'GET /metrics': 'viewer',
  'POST /api/v1/system/backups': 'admin',
  'GET /api/v1/system/backups': 'viewer',
  'GET /api/v1/system/backups/{id}': 'viewer',
  'DELETE /api/v1/system/backups/{id}': 'admin',
  'POST /api/v1/system/backups/{id}/verify': 'admin',
  'POST /api/v1/system/backups/{id}/restore': 'admin',
  'GET /api/v1/system/backups/{id}/download': 'admin',
  'POST /api/v1/system/backups/upload': 'admin',
  'GET /api/v1/events': 'viewer scoped',
  'GET /api/v1/logs/system': 'viewer',
  'GET /api/v1/logs/operations': 'viewer',
  'GET /api/v1/logs/operations/verify': 'admin',
  'GET /api/v1/logs/stats': 'viewer',
  'GET /api/v1/logs/mcp': 'viewer scoped',
  'GET /api/v1/logs/mcp/{id}': 'viewer scoped',
  'GET /api/v1/logs/system/export': 'viewer',
  'GET /api/v1/logs/operations/export': 'viewer',
  'GET /api/v1/logs/mcp/export': 'viewer scoped',
  'DELETE /api/v1/logs/cleanup': 'admin',
};

/** An id that nothing has: what gets past the guard ends with a 404 and changes nothing. */
const NO_ID = '0192f0c1-0000-7000-8000-000000000000';

describe('A7: every route', () => {
  let app: TestApp;
  const users = new Map<Role, { username: string; token: string }>();
  const keys = new Map<Role, string>();
  const scopedKeys = new Map<Role, string>();
  beforeAll(async () => {
    app = await startTestApp();
    await app.post('/tools', aTool({ name: 'in-scope' }));
    for (const role of ROLES) {
      users.set(role, await aUser(app, role));
      keys.set(role, (await aKey(app, { role })).key);
      scopedKeys.set(role, (await aKey(app, { role, tools: ['in-scope'] })).key);
    }
  });
  afterAll(() => app.stop());

  const ask = (route: string, token: string | null, tool = 'nowhere'): Promise<Answer> => {
    // A stream never ends by itself: one of no event there is gets past the guard and fails the validation.
    const endless = route.endsWith('/events') ? '?types=none' : '';
    const [method = '', path = ''] = (route.replace('{tool}', tool).replace('{id}', NO_ID) + endless).split(' ');
    // An empty body passes the guard and fails the validation.
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
    return app.request(method, `/${path}`, { token, ...body });
  };
  const verdict = ({ status, body }: Answer) =>
    status === 401 || status === 403 ? `${status} ${body.code}` : 'let in';

  it('stands in the matrix, and the matrix names no other', async () => {
    const { body } = await app.get('//openapi.json', { token: null });
    const routes = Object.entries<object>(body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.sort()).toEqual(Object.keys(MATRIX).sort());
  });

  const routes = Object.entries(MATRIX).map(([route, rule]) => {
    const [required = '', mark = ''] = rule.split(' ');
    return { route, required, mark };
  });

  it.each(routes)('$route ($required $mark) asks those without a credential for one', async ({ route, required }) => {
    const answer = await ask(route, null);
    if (required === 'public') {
      expect(answer.body.code).not.toBe('unauthenticated');
      return;
    }
    expect(verdict(answer)).toBe('401 unauthenticated');
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer /);
    expect(verdict(await ask(route, 'garbage'))).toBe('401 unauthenticated');
  });

  const closed = routes.filter(({ required }) => required !== 'public');

  it.each(closed)('$route ($required $mark) lets users in by their role', async ({ route, required }) => {
    for (const role of ROLES) {
      const { username, token } = users.get(role)!;
      const own = route.endsWith('/logout') ? (await aLogin(app, username)).token : token;
      const mayDo = ROLES.indexOf(role) >= ROLES.indexOf(required as Role);
      expect({ role, verdict: verdict(await ask(route, own)) }).toEqual({
        role,
        verdict: mayDo ? 'let in' : '403 role_missing',
      });
    }
  });

  it.each(closed)('$route ($required $mark) lets API keys in by their role', async ({ route, required, mark }) => {
    for (const role of ROLES) {
      const mayDo = ROLES.indexOf(role) >= ROLES.indexOf(required as Role);
      const expected = mayDo ? (mark === 'users' ? '403 users_only' : 'let in') : '403 role_missing';
      expect({ role, verdict: verdict(await ask(route, keys.get(role)!)) }).toEqual({ role, verdict: expected });
    }
  });

  it.each(closed)(
    '$route ($required $mark) lets limited API keys in where it keeps to their tools',
    async ({ route, required, mark }) => {
      for (const role of ROLES) {
        const mayDo = ROLES.indexOf(role) >= ROLES.indexOf(required as Role);
        const refusal = mayDo ? (mark === 'users' ? '403 users_only' : '403 scope_missing') : '403 role_missing';
        const key = scopedKeys.get(role)!;
        const isOpen = mayDo && mark === 'scoped';
        // Without a body, a call in the scope ends with a 400.
        const tool = route.endsWith('/capabilities') || /start$|stop$/.test(route) ? 'nowhere' : 'in-scope';
        const inScope = verdict(await ask(route, key, tool));
        const outside = route.includes('{tool}') && isOpen ? '403 tool_out_of_scope' : isOpen ? 'let in' : refusal;
        expect({ role, inScope, outside: verdict(await ask(route, key)) }).toEqual({
          role,
          inScope: tool === 'nowhere' ? outside : isOpen ? 'let in' : refusal,
          outside,
        });
      }
    },
  );
});

describe('A8: who may not register a tool', () => {
  let app: TestApp;
  let canary: string;
  beforeAll(async () => {
    app = await startTestApp();
    canary = join(app.dataDir, 'canary');
    const script = join(app.dataDir, 'leave-a-canary.mjs');
    writeFileSync(script, `import { writeFileSync } from 'node:fs';\nwriteFileSync(process.argv[2], 'started');\n`);
    await app.post('/tools', aTool({ name: 'existing' }));
  });
  afterAll(() => app.stop());

  const definition = () => ({
    ...{ name: 'canary', command: process.execPath, autoStart: true, timeoutMs: 60_000 },
    args: [join(app.dataDir, 'leave-a-canary.mjs'), canary],
  });
  const tries = (): [string, string, unknown][] => {
    const { name, command, args } = definition();
    return [
      ['POST', '/tools', definition()],
      ['PUT', '/tools/existing', { ...definition(), name: 'existing' }],
      ['PATCH', '/tools/existing', { command, args, autoStart: true }],
      ['POST', '/tools/probe', definition()],
      ['POST', '/tools/validate', definition()],
      ['POST', '/tools/import', { config: { mcpServers: { [name]: { command, args } } }, overwrite: true }],
      ['POST', '/tools/batch', { action: 'enable', tools: ['existing'] }],
      ['POST', '/tools/batch', { action: 'delete', tools: ['existing'] }],
      ['DELETE', '/tools/existing', undefined],
    ];
  };

  it.each(['viewer', 'operator'])('starts none either, as a %s with a login or a key', async (role) => {
    for (const token of [(await aUser(app, role)).token, (await aKey(app, { role })).key]) {
      for (const [method, path, body] of tries()) {
        const answer = await app.request(method, path, { token, body });
        expect({ path, status: answer.status, code: answer.body.code }).toEqual({
          path,
          status: 403,
          code: 'role_missing',
        });
      }
    }
    expect(existsSync(canary)).toBe(false);
    const { body } = await app.get('/tools');
    expect(body.items).toMatchObject([{ name: 'existing', version: 1 }]);
    const rows = await app.get('/logs/operations?outcome=refused&action=tool.probe');
    expect(rows.body.items.length).toBeGreaterThan(0);
  });

  it('would have left its canary, had it been an admin', async () => {
    await app.post('/tools/probe', definition());
    expect(existsSync(canary)).toBe(true);
    rmSync(canary);
  });
});
