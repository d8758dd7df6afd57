import { DataSource } from 'typeorm';
import { RefreshToken } from '../src/auth/refresh-token.entity';
import { Session } from '../src/auth/session.entity';
import { aLogin, aUser, refresh, refreshTokenOf, type TestUser } from './support/accounts';
import { ADMIN_PASSWORD, startTestApp, type TestApp } from './support/test-app';

const DAY_MS = 24 * 3600_000;

describe('carrying a login on', () => {
  let app: TestApp;
  let database: DataSource;
  beforeAll(async () => {
    app = await startTestApp({ env: { CORS_ORIGINS: 'https://dashboard.example.com', TRUSTED_PROXIES: '127.0.0.1' } });
    database = app.nest.get(DataSource);
  });
  afterAll(() => app.stop());

  const isAlive = async (token: string) => (await app.get('/auth/me', { token })).status === 200;
  const sessionIdOf = (token: string): string =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sid;
  /** As if so much time had passed since the tokens of a session were used. */
  const age = (token: string, byMs: number) =>
    database.query(
      `UPDATE refresh_tokens SET used_at = used_at - ${byMs} WHERE session_id = '${sessionIdOf(token)}' AND used_at IS NOT NULL`,
    );

  it('gives the refresh token in a cookie for these routes alone, and in no answer', async () => {
    const login = await app.login('admin', ADMIN_PASSWORD);
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(
      /^mcps_refresh=[A-Za-z0-9_-]{43}; Max-Age=604800; Path=\/api\/v1\/auth; HttpOnly; SameSite=Strict$/,
    );
    expect(JSON.stringify(login.body)).not.toContain(refreshTokenOf(login));
    const secure = await app.request('POST', '/auth/login', {
      token: null,
      body: { username: 'admin', password: ADMIN_PASSWORD },
      headers: { 'x-forwarded-proto': 'https' },
    });
    expect(secure.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('stores no refresh token in clear', async () => {
    const { refreshToken } = await aLogin(app, 'admin', ADMIN_PASSWORD);
    const rows = await database.manager.find(RefreshToken);
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain(refreshToken);
  });

  it('answers a new access token and a new cookie, of the same session', async () => {
    const user = await aUser(app, 'viewer');
    const answer = await refresh(app, user.refreshToken);
    expect(answer.body).toMatchObject({ tokenType: 'Bearer', expiresIn: 1800, user: { name: user.username } });
    const next = refreshTokenOf(answer) ?? '';
    expect(next).not.toBe(user.refreshToken);
    expect(sessionIdOf(answer.body.accessToken)).toBe(sessionIdOf(user.token));
    expect(await isAlive(answer.body.accessToken)).toBe(true);
    expect((await refresh(app, next)).status).toBe(200);
    const { body } = await app.get(`/logs/operations?action=auth.refresh&actor=${user.username}`);
    expect(body.items[0]).toMatchObject({ outcome: 'success', target: { type: 'session' } });
  });

  it('A2: ends the whole session when a used token comes back, and says so in both logs', async () => {
    const user = await aUser(app, 'operator');
    const second = await refresh(app, user.refreshToken);
    await age(user.token, 10_001);
    const replay = await refresh(app, user.refreshToken);
    expect({ status: replay.status, code: replay.body.code }).toEqual({ status: 401, code: 'refresh_refused' });
    expect(refreshTokenOf(replay)).toBe('');
    expect([await isAlive(user.token), await isAlive(second.body.accessToken)]).toEqual([false, false]);
    expect((await refresh(app, refreshTokenOf(second) ?? '')).status).toBe(401);
    const { body } = await app.get('/logs/operations?action=auth.refresh&outcome=refused');
    expect(body.items.filter((row: any) => row.target?.name === user.username)).toMatchObject([
      { status: 401, actor: { type: 'anonymous' }, changes: { code: 'refresh_token_reused' } },
    ]);
    expect(
      app.log.filter(({ level, message }) => level === 'warn' && /refresh token came back/.test(message)),
    ).toHaveLength(1);
  });

  it('A2: a token from two uses ago ends the session at once, however fast it is shown', async () => {
    const user = await aUser(app, 'viewer');
    const second = await refresh(app, user.refreshToken);
    const third = await refresh(app, refreshTokenOf(second) ?? '');
    expect((await refresh(app, user.refreshToken)).status).toBe(401);
    expect(await isAlive(third.body.accessToken)).toBe(false);
  });

  it('lets two tabs refresh at once, ten times over, and both live on', async () => {
    const user = await aUser(app, 'viewer');
    let { refreshToken } = user;
    for (let round = 0; round < 10; round++) {
      const [one, two] = await Promise.all([refresh(app, refreshToken), refresh(app, refreshToken)]);
      expect([one.status, two.status]).toEqual([200, 200]);
      expect([await isAlive(one.body.accessToken), await isAlive(two.body.accessToken)]).toEqual([true, true]);
      // Whichever answer came last is what the browser keeps.
      refreshToken = refreshTokenOf(round % 2 === 0 ? one : two) ?? '';
    }
  });

  it.each([
    ['another program', { 'user-agent': 'a thief' }],
    ['another address', { 'x-forwarded-for': '203.0.113.99' }],
  ])('A2: has no patience with %s', async (_, headers) => {
    const user = await aUser(app, 'viewer');
    const second = await refresh(app, user.refreshToken);
    expect((await refresh(app, user.refreshToken, headers)).status).toBe(401);
    expect(await isAlive(second.body.accessToken)).toBe(false);
  });

  it('is over after a week without use, and after a month in any case', async () => {
    const idle = await aUser(app, 'viewer');
    const old = await aUser(app, 'viewer');
    const now = Date.now();
    const set = (user: TestUser, columns: Partial<Session>) =>
      database.manager.update(Session, { id: sessionIdOf(user.token) }, columns);
    await set(idle, { lastUsedAt: now - 7 * DAY_MS });
    await set(old, { expiresAt: now - 1 });
    expect((await refresh(app, idle.refreshToken)).status).toBe(401);
    expect((await refresh(app, old.refreshToken)).status).toBe(401);
    expect(await isAlive(old.token)).toBe(false);
  });

  it.each(['', 'garbage', 'a'.repeat(43), 'x'.repeat(5000)])('refuses the made-up token "%.20s"', async (token) => {
    expect((await refresh(app, token)).status).toBe(401);
  });

  it('A1: takes no access token for a refresh token, and no refresh token for an access token', async () => {
    const user = await aUser(app, 'viewer');
    expect((await refresh(app, user.token)).status).toBe(401);
    expect(await isAlive(user.refreshToken)).toBe(false);
  });

  describe('A28: from pages of strangers', () => {
    it.each([
      ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
      ['a script that asks nobody first', { 'content-type': 'text/plain' }, 415],
      ['another port of this machine', { origin: 'http://127.0.0.1:9999' }, 403],
      ['a frame of no origin', { origin: 'null' }, 403],
      ['a neighbouring name', { origin: 'https://evil.dashboard.example.com' }, 403],
    ])('is refused to %s, and the session lives on', async (_, headers, status) => {
      const user = await aUser(app, 'viewer');
      const answer = await refresh(app, user.refreshToken, headers);
      expect({ status: answer.status, cookie: answer.headers.get('set-cookie') }).toEqual({ status, cookie: null });
      expect((await refresh(app, user.refreshToken)).status).toBe(200);
    });

    it('is refused without JSON, but for a header that only our own pages can send', async () => {
      const { refreshToken } = await aUser(app, 'viewer');
      const send = (headers: Record<string, string>) =>
        app.request('POST', '/auth/refresh', {
          token: null,
          headers: { cookie: `mcps_refresh=${refreshToken}`, ...headers },
        });
      expect((await send({})).status).toBe(415);
      expect((await send({ 'x-requested-with': 'dashboard' })).status).toBe(200);
    });

    it('is granted to our own pages and to those of CORS_ORIGINS', async () => {
      for (const origin of [app.origin, 'https://dashboard.example.com']) {
        const { refreshToken } = await aUser(app, 'viewer');
        expect((await refresh(app, refreshToken, { origin })).status).toBe(200);
      }
    });
  });
});

describe('sessions', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.stop());

  it('A3: logging out ends the access token, the refresh token and the cookie at once', async () => {
    const user = await aUser(app, 'viewer');
    const other = await aLogin(app, user.username);
    const answer = await app.post('/auth/logout', undefined, { token: user.token });
    expect({ status: answer.status, cookie: refreshTokenOf(answer) }).toEqual({ status: 204, cookie: '' });
    expect((await app.get('/auth/me', { token: user.token })).status).toBe(401);
    expect((await refresh(app, user.refreshToken)).status).toBe(401);
    expect((await app.get('/auth/me', { token: other.token })).status).toBe(200);
    expect((await refresh(app, other.refreshToken)).status).toBe(200);
    const { body } = await app.get(`/logs/operations?action=auth.logout&actor=${user.username}`);
    expect(body.items).toMatchObject([{ outcome: 'success', target: { type: 'session' } }]);
  });

  it('are listed to their owner alone, newest first, with where they come from', async () => {
    const user = await aUser(app, 'viewer');
    const second = await aLogin(app, user.username);
    const { body } = await app.get('/auth/sessions', { token: user.token });
    expect(body).toMatchObject({ nextCursor: null, total: 2 });
    expect(body.items.map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
    expect(Object.keys(body.items[0])).toEqual(['id', 'createdAt', 'lastUsedAt', 'ip', 'userAgent', 'current']);
    expect(body.items[0]).toMatchObject({ ip: '127.0.0.1', userAgent: 'node' });

    const [theirs] = body.items;
    expect((await app.delete(`/auth/sessions/${theirs.id}`)).status).toBe(404);
    expect((await app.delete(`/auth/sessions/${theirs.id}`, { token: user.token })).status).toBe(204);
    expect((await app.delete(`/auth/sessions/${theirs.id}`, { token: user.token })).status).toBe(404);
    expect((await app.get('/auth/me', { token: second.token })).status).toBe(401);
    expect((await refresh(app, second.refreshToken)).status).toBe(401);
    for (const id of ['x', '%00', '..%2f']) {
      expect((await app.delete(`/auth/sessions/${id}`, { token: user.token })).status).toBe(404);
    }
  });
});
