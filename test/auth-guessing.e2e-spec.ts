import { aKey, aUser, refresh, USER_PASSWORD } from './support/accounts';
import { ADMIN_PASSWORD, type Answer, startTestApp, type TestApp } from './support/test-app';

const outcomes = (answers: Answer[]) => ({
  wrong: answers.filter(({ status }) => status === 401).length,
  waiting: answers.filter(({ status }) => status === 429).length,
});

const loginFrom = (app: TestApp, address: string | null, username: string, password: string): Promise<Answer> =>
  app.request('POST', '/auth/login', {
    body: { username, password },
    token: null,
    headers: address === null ? {} : { 'x-forwarded-for': address },
  });

describe('guessing passwords without a trusted proxy', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('A4: slows 200 wrong passwords of one address down, whatever address it claims to be', async () => {
    const guesses = Array.from({ length: 200 }, (_, n) => loginFrom(app, `203.0.113.${n}`, 'admin', `wrong ${n}`));
    const answers = await Promise.all(guesses);
    // Five are free; a slow machine lets another one through after 1, 2, 4 ... seconds.
    expect(outcomes(answers).wrong).toBeLessThanOrEqual(11);
    const waiting = answers.find(({ status }) => status === 429);
    expect(waiting?.body.code).toBe('too_many_attempts');
    expect(Number(waiting?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const { body } = await app.get('/logs/operations?action=auth.login&outcome=refused&limit=500');
    expect(body.items.length).toBeLessThanOrEqual(10);
    expect(new Set(body.items.map((row: any) => row.ip))).toEqual(new Set(['127.0.0.1']));
  });

  it('A4: answers the same for a name that nobody has', async () => {
    // On a slow machine the first one may come after its time and be answered.
    const names = ['admin', 'nobody', 'admin', 'nobody'];
    const answers = await Promise.all(names.map((name) => loginFrom(app, null, name, 'wrong')));
    const [known, unknown] = answers.slice(2).map(({ status, body }) => ({
      ...body,
      ...{ status, requestId: '', detail: body.detail.replace(/\d+/, 'some') },
    }));
    expect(known.status).toBe(429);
    expect(unknown).toEqual(known);
  });

  it('slows down guessing of the current password with a stolen access token, too', async () => {
    const guesses = Array.from({ length: 12 }, (_, n) =>
      app.put('/auth/password', { currentPassword: `a guess ${n}`, newPassword: 'four candles, fork handles' }),
    );
    const codes = (await Promise.all(guesses)).map(({ body }) => body.code);
    // Five are free at most, and one more whose time has come on a slow machine.
    expect(codes.filter((code) => code === 'too_many_attempts').length).toBeGreaterThanOrEqual(6);
  });
});

describe('guessing passwords behind a trusted proxy', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1' } });
  });
  afterAll(() => app.stop());

  it('A4: slows 200 wrong passwords of 50 addresses down, and lets the owner in from a calm one', async () => {
    const guesses = Array.from({ length: 200 }, (_, n) => loginFrom(app, `203.0.113.${n % 50}`, 'admin', `wrong ${n}`));
    const owner = loginFrom(app, '198.51.100.1', 'admin', ADMIN_PASSWORD);
    const answers = await Promise.all(guesses);
    expect(outcomes(answers).wrong).toBeLessThanOrEqual(60);
    expect(outcomes(answers).wrong + outcomes(answers).waiting).toBe(200);
    expect((await owner).status).toBe(200);
    expect((await loginFrom(app, '198.51.100.2', 'admin', ADMIN_PASSWORD)).status).toBe(200);
  });

  it('believes the proxy, not what the client told the proxy', async () => {
    const user = await aUser(app, 'viewer');
    await loginFrom(app, '198.51.100.66, 203.0.113.200', user.username, USER_PASSWORD);
    const { body } = await app.get(`/logs/operations?action=auth.login&actor=${user.username}&limit=1`);
    expect(body.items[0].ip).toBe('203.0.113.200');
  });
});

describe('limits of requests', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { RATE_LIMIT_PER_MINUTE: '40', AUTH_RATE_LIMIT_PER_MINUTE: '8' } });
  });
  afterAll(() => app.stop());

  it('tell each caller what is left, and refuse with Retry-After what is too much', async () => {
    const { key } = await aKey(app, { role: 'viewer' });
    const first = await app.get('/auth/me', { token: key });
    expect(first.headers.get('ratelimit-limit')).toBe('40');
    expect(first.headers.get('ratelimit-remaining')).toBe('39');
    expect(first.headers.get('ratelimit-reset')).toBe('60');
    const answers = await Promise.all(Array.from({ length: 60 }, () => app.get('/auth/me', { token: key })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(39);
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body.code).toBe('rate_limited');
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await app.get('/auth/me')).status).toBe(200);
    const { body } = await app.get('/logs/operations?outcome=refused&limit=500');
    const own = body.items.filter((row: any) => row.actor.type === 'apiKey');
    expect(own.length).toBeGreaterThan(0);
    expect(own.length).toBeLessThanOrEqual(10);
    expect(own[0]).toMatchObject({ status: 429, changes: { code: 'rate_limited', path: '/api/v1/auth/me' } });
  });

  it('count what comes without a valid credential by address, and never slow down the others', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => app.get('/tools', { token: 'garbage' })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    expect((await app.get('/tools')).status).toBe(200);
  });

  it('are stricter for an address where passwords and refresh tokens are taken', async () => {
    const answers = [];
    for (let n = 0; n < 10; n++) answers.push(await refresh(app, 'a'.repeat(43)));
    expect(answers.map(({ status }) => status)).toContain(429);
    const login = await app.login('admin', ADMIN_PASSWORD);
    expect({ status: login.status, code: login.body.code }).toEqual({ status: 429, code: 'rate_limited' });
    expect(login.headers.get('ratelimit-limit')).toBe('8');
    expect((await app.get('/auth/me')).status).toBe(200);
  });

  it('are not for the probes', async () => {
    const probes = await Promise.all(Array.from({ length: 100 }, () => app.get('//health/live', { token: null })));
    expect(new Set(probes.map(({ status }) => status))).toEqual(new Set([200]));
  });
});
