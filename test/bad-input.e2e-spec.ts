import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aTool } from './support/a-tool';
import { type Answer, startTestApp, type TestApp } from './support/test-app';

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, unknown>;
  security: unknown[];
}

/** The committed document: CI proves that it is the generated one. */
const document = JSON.parse(readFileSync(join(__dirname, '../docs/openapi.json'), 'utf8'));
const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
);
/** Written with two slashes, paths count from the origin. */
const urlOf = (path: string, tool = 'sample') => `/${path.replace('{tool}', tool)}`;

/** A body that is right, for each operation that takes one. */
const BODIES: Record<string, Record<string, unknown>> = {
  login: { username: 'admin', password: 'wrong password' },
  changePassword: { currentPassword: 'wrong password', newPassword: 'another long password' },
  createUser: { username: 'sample', password: 'turtles all the way down', role: 'viewer' },
  patchUser: { role: 'viewer' },
  createApiKey: { name: 'sample', role: 'viewer', tools: ['sample'], expiresAt: '2099-12-31T00:00:00Z' },
  createTool: aTool({ name: 'created' }),
  replaceTool: aTool({ name: 'sample' }),
  patchTool: { description: 'patched' },
  callTool: { name: 'echo', arguments: { text: 'x' } },
  sendToolRequest: { method: 'tools/list' },
  validateTool: aTool({ name: 'validated' }),
  probeTool: aTool({ name: 'probed' }),
  importTools: { config: { mcpServers: {} }, dryRun: true },
  batchTools: { action: 'stop', tools: ['sample'] },
  createBackup: { note: 'sample' },
  updateSystemConfig: { 'backup.keep': 9 },
};

function expectProblem(answer: Answer, status: number): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status,
    body: { status, code: expect.stringMatching(/^[a-z_]+$/), requestId: answer.headers.get('x-request-id') },
  });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|SELECT|at \w+ \(/);
}

describe('bad input is refused by name on every route', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
    await app.post('/tools', aTool({ name: 'sample' }));
  });
  afterAll(() => app.stop());

  it('has a sample body for each operation that takes one', () => {
    const taking = withBody.map(({ operation }) => operation.operationId);
    expect(Object.keys(BODIES).sort()).toEqual(taking.sort());
  });

  // The upload of a backup takes a form: see backups.e2e-spec.ts.
  const withBody = operations.filter(({ operation }) => operation.requestBody?.content['application/json']);
  const withoutBody = operations.filter(({ method, operation }) => method !== 'GET' && !operation.requestBody);

  it.each(withBody)('$method $path: malformed JSON is a 400', async ({ method, path }) => {
    const answer = await app.request(method, urlOf(path), { raw: '{"name": "x"' });
    expectProblem(answer, 400);
    expect(answer.body.code).toBe('malformed_json');
  });

  it.each(withBody)('$method $path: a body that is no object is a 400', async ({ method, path }) => {
    for (const raw of ['[]', '"text"', '5', 'null', '[{}]']) {
      const answer = await app.request(method, urlOf(path), { raw });
      expectProblem(answer, 400);
    }
  });

  it.each(withBody)('$method $path: an unknown field is named', async ({ method, path, operation }) => {
    const body = { ...BODIES[operation.operationId], isAdmin: true };
    const answer = await app.request(method, urlOf(path), { body });
    expectProblem(answer, 400);
    expect(answer.body.errors).toEqual([{ path: 'isAdmin', message: expect.stringMatching(/^is not known here/) }]);
  });

  it.each(withBody)('$method $path: each field of a wrong type is named', async ({ method, path, operation }) => {
    for (const name of Object.keys(BODIES[operation.operationId] ?? {})) {
      if (name === 'config') continue; // an import takes text and objects; what is wrong in them is told by path
      for (const value of [{ nested: [1] }, [[1]], 12.5]) {
        const body = { ...BODIES[operation.operationId], [name]: value };
        const answer = await app.request(method, urlOf(path), { body });
        if (answer.status < 300 || (answer.status !== 400 && name === 'arguments')) continue;
        expectProblem(answer, 400);
        expect(answer.body.errors[0].path).toMatch(new RegExp(`^${name}(\\.|$)`));
      }
    }
  });

  it.each(withBody)('$method $path: __proto__ in a body is a 400', async ({ method, path }) => {
    expectProblem(await app.request(method, urlOf(path), { raw: '{"__proto__": {"x": 1}}' }), 400);
    expectProblem(await app.request(method, urlOf(path), { raw: '{"constructor": {"prototype": {"x": 1}}}' }), 400);
  });

  it.each(withBody)('$method $path: a body nested to be deep is a 400', async ({ method, path }) => {
    for (const raw of ['['.repeat(5000) + ']'.repeat(5000), '{"tags":'.repeat(3000) + '1' + '}'.repeat(3000)]) {
      expectProblem(await app.request(method, urlOf(path), { raw }), 400);
    }
  });

  it.each(withBody)(
    '$method $path: names that every object has are unknown too',
    async ({ method, path, operation }) => {
      for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
        const answer = await app.request(method, urlOf(path), {
          body: { ...BODIES[operation.operationId], [name]: 'x' },
        });
        expectProblem(answer, 400);
        expect(answer.body.errors[0]).toEqual({ path: name, message: expect.stringMatching(/^is not known here/) });
      }
    },
  );

  it.each(withBody)('$method $path: another content type is a 415 (A28)', async ({ method, path }) => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expectProblem(await app.request(method, urlOf(path), { raw: 'a=b', headers: { 'content-type': type } }), 415);
    }
  });

  it.each(withoutBody)('$method $path: a body that nobody asked for is a 400', async ({ method, path }) => {
    const answer = await app.request(method, urlOf(path), { body: { force: true } });
    expectProblem(answer, 400);
    expect(answer.body.errors).toEqual([{ path: 'force', message: 'is not known here' }]);
  });

  it.each(operations)(
    '$method $path: an unknown query parameter is named, and so are those that there are',
    async ({ method, path, operation }) => {
      const answer = await app.request(method, `${urlOf(path)}?surprise=1`, { body: BODIES[operation.operationId] });
      expectProblem(answer, 400);
      const [{ path: named, message }] = answer.body.errors;
      expect(named).toBe('surprise');
      expect(message).toMatch(/^is not known here/);
      const [, known = ''] = /; there is (.*)$/.exec(message) ?? [];
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
      expect(known.split(', ').filter(Boolean).sort()).toEqual(declared.map(({ name }) => name).sort());
    },
  );

  const toolRoutes = operations.filter(({ path }) => path.includes('{tool}'));
  it.each(toolRoutes)('$method $path: an unknown or malformed tool is a 404', async ({ method, path, operation }) => {
    const names = [
      'nobody',
      '01900000-0000-7000-8000-000000000000',
      'UPPER',
      "x'%20OR%201=1",
      '..%2f..',
      '%00',
      'x'.repeat(150),
    ];
    for (const name of names) {
      const answer = await app.request(method, urlOf(path, name), { body: BODIES[operation.operationId] });
      expectProblem(answer, 404);
    }
  });

  const closed = operations.filter(({ operation }) => operation.security.length > 0);
  it.each(closed)('$method $path: without a token is a 401', async ({ method, path, operation }) => {
    for (const token of [null, 'garbage', `${app.token}x`]) {
      const answer = await app.request(method, urlOf(path), { body: BODIES[operation.operationId], token });
      expectProblem(answer, 401);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  const lists = operations.filter(({ operation }) => operation.parameters?.some(({ name }) => name === 'cursor'));
  it.each(lists)('$method $path: bad pages are named', async ({ path }) => {
    for (const limit of ['0', '501', '-1', '1.5', 'ten', '', '1e99']) {
      const answer = await app.get(`${urlOf(path)}?limit=${limit}`);
      expectProblem(answer, 400);
      expect(answer.body.errors[0].path).toBe('limit');
    }
    const forged = Buffer.from('["tools",{"$gt":""}]').toString('base64url');
    for (const cursor of ['', 'x', 'eyJh', forged, 'WyJvdGhlciIsMV0', "'%3B--"]) {
      const answer = await app.get(`${urlOf(path)}?cursor=${cursor}`);
      expectProblem(answer, 400);
      expect(answer.body.errors[0].path).toBe('cursor');
    }
  });

  it('refuses bad filters of the logs by name', async () => {
    const bad = {
      'logs/system?level=loud': 'level',
      'logs/system?from=yesterday': 'from',
      'logs/system?to=2026-13-45': 'to',
      'logs/operations?outcome=great': 'outcome',
      'logs/operations?action=drop%20table': 'action',
      'logs/mcp?direction=up': 'direction',
      'logs/mcp?kind=thing': 'kind',
      'logs/mcp?minDurationMs=-1': 'minDurationMs',
      'logs/mcp?search=': 'search',
      'logs/mcp?order=random': 'order',
      'logs/mcp?limit=1&limit=2': 'limit',
      'tools?state=happy': 'state',
      'tools?enabled=yes': 'enabled',
    };
    for (const [path, field] of Object.entries(bad)) {
      const answer = await app.get(`/${path}`);
      expectProblem(answer, 400);
      expect({ path, field: answer.body.errors[0].path }).toEqual({ path, field });
    }
  });

  it('refuses NUL characters by name, whatever the database', async () => {
    const nul = 'a\0b';
    for (const [path, body, field] of [
      ['/tools', aTool({ name: 'nul', description: nul }), 'description'],
      ['/tools', aTool({ name: 'nul', tags: ['x', nul] }), 'tags.1'],
      ['/tools', aTool({ name: 'nul', env: { K: nul } }), 'env.K'],
      ['/auth/login', { username: nul, password: 'x' }, 'username'],
      ['/tools/sample/call', { name: nul }, 'name'],
    ] as const) {
      const answer = await app.post(path, body);
      expectProblem(answer, 400);
      expect(answer.body.errors[0].path).toBe(field);
    }
    for (const query of [
      'logs/system?search',
      'logs/system?context',
      'logs/operations?actor',
      'logs/mcp?target',
      'tools?tag',
    ]) {
      expectProblem(await app.get(`/${query}=%00`), 400);
    }
  });

  it('answers 413 to a body over the limit, 404 to an unknown route, 400 to a URL that is none', async () => {
    expectProblem(
      await app.request('POST', '/tools', { raw: JSON.stringify({ description: 'x'.repeat(5_000_000) }) }),
      413,
    );
    expectProblem(await app.get('/nothing/here'), 404);
    expectProblem(await app.get('//%zz'), 400);
    expectProblem(await app.request('PUT', '/tools'), 404);
  });
});
